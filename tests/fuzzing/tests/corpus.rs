//! What the fuzzer has collected, and every input that once failed, in every run of the tests.

use gwanje_fuzzing::TARGETS;
use std::path::{Path, PathBuf};

fn inputs(target: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus").join(target);
    let mut inputs: Vec<PathBuf> =
        folder.read_dir().expect("a corpus").map(|entry| entry.expect("an input").path()).collect();
    inputs.sort();
    inputs
}

/// Runs a target's corpus; panics at the first input that fails, with its name.
fn run(name: &str) {
    let (_, target) = TARGETS.into_iter().find(|(target, _)| *target == name).expect("a target");
    let inputs = inputs(name);
    assert!(inputs.len() >= 8, "{} inputs are no corpus", inputs.len());
    for path in inputs {
        let input = std::fs::read(&path).expect("an input can be read");
        println!("{}", path.display());
        target(&input);
    }
}

#[test]
fn cachefile() {
    run("cachefile");
}

#[test]
fn dialect() {
    run("dialect");
}

#[test]
fn foreign() {
    run("foreign");
}

#[test]
fn rest() {
    run("rest");
}

#[test]
fn socketio() {
    run("socketio");
}

#[test]
fn stomp() {
    run("stomp");
}

#[test]
fn every_corpus_belongs_to_a_target() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus");
    let mut folders: Vec<String> = corpus
        .read_dir()
        .expect("the corpora")
        .map(|entry| entry.expect("a corpus").file_name().to_string_lossy().into_owned())
        .collect();
    folders.sort();
    assert_eq!(folders, TARGETS.map(|(name, _)| name));
}
