//! One name for one thing: a public type's name stands in one crate only.

use crate::{files, root};
use std::collections::{BTreeMap, BTreeSet};

/// Names that stand in more than one crate, each with its reason.
const SHARED: [(&str, &str); 4] = [
    (
        "Action",
        "what a person does to a delivery (model); what a core without IO asks of its shell (sync), as is usual there",
    ),
    ("Args", "the command line of a binary, in the binary"),
    (
        "Command",
        "the first line of a STOMP frame, as its specification calls it (wire); what the hub decides (ledger)",
    ),
    ("LogFormat", "a switch of each binary's command line; no crate that all have knows command lines"),
];

#[test]
fn a_public_types_name_stands_in_one_crate() {
    let mut crates_of: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let crates = std::fs::read_dir(root().join("crates")).expect("the crates");
    let crates = crates.map(|entry| entry.expect("an entry").path()).chain([root().join("src-tauri")]);
    for folder in crates {
        let name = folder.file_name().expect("a name").to_string_lossy().into_owned();
        for file in files(&folder.join("src"), "rs") {
            let text = std::fs::read_to_string(file).expect("a source file");
            for defined in text.lines().filter_map(public_type) {
                crates_of.entry(defined.to_owned()).or_default().insert(name.clone());
            }
        }
    }
    assert!(crates_of.contains_key("Delivery"), "the search finds what is there");
    for (name, reason) in SHARED {
        let shared = crates_of.remove(name).is_some_and(|crates| crates.len() > 1);
        assert!(shared, "{name} stands in one crate at most, so it needs no excuse ({reason})");
    }
    crates_of.retain(|_, crates| crates.len() > 1);
    assert!(crates_of.is_empty(), "one name for several things: {crates_of:?}");
}

/// Names that say nothing of what they name: nothing is called so, public or not, in Rust or on the page.
const EMPTY: [&str; 4] = ["Room", "Desk", "Told", "Deed"];

#[test]
fn no_type_has_an_empty_name() {
    let mut seen = 0;
    for folder in [
        "crates",
        "src-tauri/src",
        "tests/src",
        "tests/tests",
        "tests/fuzzing",
        "fuzz/fuzz_targets",
        "ui/src",
    ] {
        for file in ["rs", "ts", "svelte"].into_iter().flat_map(|ending| files(&root().join(folder), ending))
        {
            let text = std::fs::read_to_string(&file).expect("a source file");
            seen += 1;
            for line in text.lines() {
                let named = defined_type(line).is_some_and(|name| EMPTY.contains(&name));
                assert!(!named, "{}: {line}: say what it is", file.display());
            }
        }
    }
    assert!(seen > 100, "the search finds what is there");
}

/// The name of the type that a line defines, in Rust or in TypeScript.
fn defined_type(line: &str) -> Option<&str> {
    const DEFINES: [&str; 8] =
        ["struct", "enum", "trait", "type", "union", "class", "interface", "namespace"];
    let mut words = line.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|word| !word.is_empty());
    words.find(|word| DEFINES.contains(word))?;
    words.next()
}

/// The name of the public type that a line begins.
fn public_type(line: &str) -> Option<&str> {
    let rest = line.strip_prefix("pub ")?;
    let rest = ["struct ", "enum ", "trait ", "type "].iter().find_map(|kind| rest.strip_prefix(kind))?;
    rest.split(|c: char| !c.is_alphanumeric() && c != '_').next()
}
