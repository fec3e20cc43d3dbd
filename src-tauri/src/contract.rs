//! The page's side of the table of commands: what stands in `ui/src/platform/generated`, and the check that it is true.
//! `UPDATE_TYPES=1` writes the folder anew.

mod commands;
mod reached;

use crate::commands::table::described;
use gwanje_engine::ipc::IpcError;
pub use reached::Type;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// A command as the contract tells it.
pub struct Command {
    /// Its wire name.
    pub name: &'static str,
    /// What it does, in a line.
    pub doc: &'static str,
    /// Name and type of each argument.
    pub arguments: Vec<(&'static str, Type)>,
    /// Name and messages of its channel, when the answer goes on.
    pub channel: Option<(&'static str, Type)>,
    /// What it answers.
    pub answer: Type,
}

impl Command {
    /// All types that it names.
    fn types(&self) -> impl Iterator<Item = &Type> {
        let arguments = self.arguments.iter().chain(&self.channel).map(|(_, of)| of);
        arguments.chain([&self.answer])
    }
}

/// Where the page keeps what Rust wrote.
fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../ui/src/platform/generated")
}

/// Every file of the folder by name: the contract, and each type that is reached from it.
fn files(table: &[Command]) -> BTreeMap<String, String> {
    // What a command that fails answers with, whichever it is.
    let failure = Type::of::<IpcError>();
    let types = table.iter().flat_map(Command::types).chain([&failure]);
    let mut files: BTreeMap<String, String> = types
        .flat_map(|of| of.reached.iter())
        .map(|(name, text)| (format!("{name}.ts"), text.clone()))
        .collect();
    for (name, text) in commands::files(table) {
        assert!(files.insert(name.to_owned(), text).is_none(), "{name} is a type's file, too");
    }
    files
}

fn write(folder: &Path, files: &BTreeMap<String, String>) -> std::io::Result<()> {
    std::fs::create_dir_all(folder)?;
    for name in names(folder)?.iter().filter(|name| !files.contains_key(*name)) {
        std::fs::remove_file(folder.join(name))?;
    }
    files.iter().try_for_each(|(name, text)| std::fs::write(folder.join(name), text))
}

fn names(folder: &Path) -> std::io::Result<BTreeSet<String>> {
    std::fs::read_dir(folder)?.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned())).collect()
}

/// What of a folder is not as it should be: stale or missing files, and orphans that nothing reaches.
fn wrong(folder: &Path, files: &BTreeMap<String, String>) -> Vec<String> {
    let stale = files
        .iter()
        .filter(|(name, text)| std::fs::read_to_string(folder.join(name)).ok().as_ref() != Some(*text));
    let stale = stale.map(|(name, _)| format!("{name} is stale"));
    let orphans = names(folder).unwrap().into_iter().filter(|name| !files.contains_key(name));
    stale.chain(orphans.map(|name| format!("{name} is reached by no command"))).collect()
}

#[test]
fn the_committed_contract_is_that_of_the_table() {
    let files = files(&described());
    if std::env::var_os("UPDATE_TYPES").is_some() {
        write(&folder(), &files).unwrap();
    }
    let wrong = wrong(&folder(), &files);
    assert!(
        wrong.is_empty(),
        "{wrong:#?}\nrun this test with UPDATE_TYPES=1 and commit ui/src/platform/generated"
    );
}

#[test]
fn numbers_of_the_contract_are_numbers() {
    for (name, text) in files(&described()) {
        assert!(!text.contains("bigint"), "{name} holds what JSON can't:\n{text}");
    }
}

#[test]
fn stale_missing_and_orphan_files_are_found_and_mended() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| (name.to_owned(), format!("// {name}"));
    let files = BTreeMap::from([file("A.ts"), file("B.ts"), file("C.ts")]);
    std::fs::write(folder.path().join("A.ts"), "// A.ts").unwrap();
    std::fs::write(folder.path().join("B.ts"), "// of yesterday").unwrap();
    std::fs::write(folder.path().join("Gone.ts"), "// Gone.ts").unwrap();
    let found = wrong(folder.path(), &files);
    assert_eq!(found, ["B.ts is stale", "C.ts is stale", "Gone.ts is reached by no command"]);
    write(folder.path(), &files).unwrap();
    assert!(wrong(folder.path(), &files).is_empty());
}
