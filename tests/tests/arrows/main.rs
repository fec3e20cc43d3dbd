//! The house keeps its shape: who may depend on whom, no circles of files in a crate, one name for one thing, which folders
//! of the page import which, and which may know Tauri.

mod circles;
mod crates;
mod modules;
mod names;
mod ui;

use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the tests package lies in the workspace")
        .to_path_buf()
}

#[test]
fn only_the_platform_folder_knows_tauri() {
    let ui = root().join("ui/src");
    let mut seen = 0;
    for file in ["ts", "svelte"].into_iter().flat_map(|ending| files(&ui, ending)) {
        seen += 1;
        let text = std::fs::read_to_string(&file).expect("a source file");
        let platform = file.starts_with(ui.join("platform"));
        assert!(platform || !text.contains("@tauri-apps/"), "{} imports @tauri-apps", file.display());
    }
    assert!(seen > 0, "no UI source found in {}", ui.display());
}

/// All files of that ending below a folder.
fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![folder.to_path_buf()];
    while let Some(folder) = open.pop() {
        for entry in
            std::fs::read_dir(&folder).expect("a source folder").map(|entry| entry.expect("an entry").path())
        {
            if entry.is_dir() {
                open.push(entry);
            } else if entry.extension().is_some_and(|found| found == ending) {
                found.push(entry);
            }
        }
    }
    found
}
