//! No circles of files inside a crate: of two modules beside each other only one knows the other, directly or around.
//!
//! A module and what lies in its folder are one here, seen from beside it, and what a module says of its own folder is not
//! looked at, nor what the folder says of the module above: they are one idea, told in several files.

use crate::crates::packages;
use crate::modules::{Module, ModulePath, modules};
use crate::root;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Arrows that close a circle, each with its reason: package, from, to.
const EXCUSED: &[(&str, &str, &str, &str)] = &[
    ("gwanje-board", "row", "board", "a mark is set through the board and kept with its row"),
    ("gwanje-board", "rows", "board", "as above"),
    ("gwanje-board", "row", "patch", "a row says which of its cells changed, as a patch carries them"),
    ("gwanje-board", "query", "centers", "which centers a query matches is known to the centers"),
    ("gwanje-engine", "core", "handle", "a fault that is asked for by the handle is done in the core"),
    ("gwanje-engine", "owner", "handle", "the handle's calls carry types of its own"),
    ("gwanje-engine", "views", "handle", "as above"),
    ("gwanje-engine", "socket", "owner", "what arrives is said in the owner's words"),
    ("gwanje-engine", "writer", "owner", "as above"),
    (
        "gwanje-engine",
        "writer",
        "outbox",
        "what is written is taken from the outbox, which knows what can be",
    ),
];

/// An arrow between modules that lie beside each other, by their paths.
type Arrow = (String, String);

/// What a path leads to: the module that defines what is named, through what others export again.
fn defining(all: &BTreeMap<ModulePath, Module>, path: &[String], depth: usize) -> Option<ModulePath> {
    let mut at = ModulePath::new();
    for (place, name) in path.iter().enumerate() {
        at.push(name.clone());
        if all.contains_key(&at) {
            continue;
        }
        at.pop();
        let module = &all[&at];
        if depth == 0 || module.defined.contains(name) {
            return Some(at);
        }
        let rest = &path[place + 1..];
        if let Some(import) = module.imports.iter().find(|import| import.name == *name) {
            let path = absolute(all, &at, &import.path)?;
            return defining(all, &[&path, rest].concat(), depth - 1);
        }
        for import in module.imports.iter().filter(|import| import.name == "*") {
            let within = absolute(all, &at, &import.path).filter(|path| all.contains_key(path));
            let found = within.filter(|path| *path != at);
            let found =
                found.and_then(|path| defining(all, &[&path, &path_of(name), rest].concat(), depth - 1));
            if found.is_some() {
                return found;
            }
        }
        return Some(at);
    }
    Some(at)
}

fn path_of(name: &str) -> ModulePath {
    vec![name.to_owned()]
}

/// A path from the crate's root, if it stays in the crate.
fn absolute(all: &BTreeMap<ModulePath, Module>, module: &ModulePath, path: &[String]) -> Option<ModulePath> {
    let first = path.first()?;
    let above = path.iter().take_while(|word| *word == "super").count();
    match first.as_str() {
        "crate" => Some(path[1..].to_vec()),
        "self" => Some([module, &path[1..]].concat()),
        "super" => Some([&module[..module.len() - above], &path[above..]].concat()),
        child => {
            let is_child = all.contains_key(&[module.clone(), path_of(child)].concat());
            is_child.then(|| [module, path].concat())
        }
    }
}

/// All arrows between modules beside each other, with what says so.
fn arrows(target: &Path) -> BTreeMap<Arrow, BTreeSet<String>> {
    const EXPORTED_AGAIN_AT_MOST: usize = 16;
    let all = modules(target);
    let mut arrows: BTreeMap<Arrow, BTreeSet<String>> = BTreeMap::new();
    for (from, module) in &all {
        let imports = module.imports.iter().map(|import| &import.path);
        for said in imports.chain(&module.named) {
            let path = absolute(&all, from, said);
            let Some(to) = path.and_then(|path| defining(&all, &path, EXPORTED_AGAIN_AT_MOST)) else {
                continue;
            };
            let common = from.iter().zip(&to).take_while(|(from, to)| from == to).count();
            if common == from.len() || common == to.len() {
                continue;
            }
            let arrow = (from[..=common].join("::"), to[..=common].join("::"));
            let file = module.file.strip_prefix(root()).unwrap_or(&module.file);
            arrows.entry(arrow).or_default().insert(format!("{}: {}", file.display(), said.join("::")));
        }
    }
    arrows
}

/// Arrows that lie on a circle: from the end of each there is a way back to its begin.
fn on_circles(arrows: &BTreeSet<Arrow>) -> BTreeSet<Arrow> {
    let leads_back = |(from, to): &&Arrow| {
        let (mut seen, mut open) = (BTreeSet::new(), vec![to]);
        while let Some(at) = open.pop() {
            if seen.insert(at) {
                open.extend(arrows.iter().filter(|(begin, _)| begin == at).map(|(_, end)| end));
            }
        }
        seen.contains(from)
    };
    arrows.iter().filter(leads_back).cloned().collect()
}

#[test]
fn no_circles_of_files() {
    let (mut wrong, mut needed) = (Vec::new(), BTreeSet::new());
    for package in packages() {
        let name = package["name"].as_str().expect("name");
        for target in package["targets"].as_array().expect("targets") {
            if target["kind"] != json!(["lib"]) && target["kind"] != json!(["bin"]) {
                continue;
            }
            let said = arrows(Path::new(target["src_path"].as_str().expect("src_path")));
            let is_excused = |arrow: &Arrow| {
                EXCUSED.iter().any(|(of, from, to, _)| (*of, *from, *to) == (name, &*arrow.0, &*arrow.1))
            };
            let (excused, free): (BTreeSet<Arrow>, BTreeSet<Arrow>) =
                said.keys().cloned().partition(is_excused);
            for arrow in on_circles(&free) {
                let says = Vec::from_iter(said[&arrow].iter().map(String::as_str)).join(", ");
                wrong.push(format!("{name}: {} → {} ({says})", arrow.0, arrow.1));
            }
            let closes =
                |arrow: &Arrow| on_circles(&(&free | &BTreeSet::from([arrow.clone()]))).contains(arrow);
            needed.extend(excused.into_iter().filter(closes).map(|(from, to)| (name.to_owned(), from, to)));
        }
    }
    assert!(wrong.is_empty(), "circles:\n{}", wrong.join("\n"));
    for (package, from, to, _) in EXCUSED {
        let arrow = ((*package).to_owned(), (*from).to_owned(), (*to).to_owned());
        assert!(needed.contains(&arrow), "{package}: {from} → {to} closes no circle, so it needs no excuse");
    }
}

#[test]
fn a_circle_is_seen_through_what_is_exported_again_and_one_of_tests_is_none() {
    let folder = tempfile::tempdir().expect("a folder");
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).expect("a file");
    std::fs::create_dir(folder.path().join("b")).expect("a folder");
    write("lib.rs", "mod a; mod b; mod c; mod d; pub use a::A;");
    write(
        "a.rs",
        "use crate::b::{Deep as Other, self}; pub struct A; #[cfg(test)] mod tests { use crate::d::D; }",
    );
    write("b.rs", "mod deep; pub use deep::*; use deep::Deep; pub struct B;");
    write("b/deep.rs", "use super::B; pub struct Deep; fn f() { assert!(matches!(x, crate::c::C::One)) }");
    write("c.rs", "use crate::A; pub enum C { One, Two }");
    write("d.rs", "// crate::c::C\npub struct D(crate::A, #[cfg(test)] crate::c::C);");
    let said = arrows(&folder.path().join("lib.rs"));
    let drawn: BTreeSet<Arrow> = said.keys().cloned().collect();
    let arrow = |from: &str, to: &str| (from.to_owned(), to.to_owned());
    let circle = BTreeSet::from([arrow("a", "b"), arrow("b", "c"), arrow("c", "a")]);
    assert_eq!(drawn, &circle | &BTreeSet::from([arrow("d", "a")]));
    assert_eq!(on_circles(&drawn), circle);
}
