//! The TypeScript types in the page's folder are those of this crate. `UPDATE_TYPES=1` writes them anew.

use crate::app::Boot;
use crate::commands::{ActionRequest, CommandStarted};
use std::path::PathBuf;
use ts_rs::{Config, TS};

fn check<T: TS + 'static>(stale: &mut Vec<String>) {
    let config = Config::default();
    let name = format!("{}.ts", T::ident(&config));
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../ui/src/platform/generated").join(&name);
    let text = T::export_to_string(&config).unwrap();
    if std::env::var_os("UPDATE_TYPES").is_some() {
        std::fs::write(&path, &text).unwrap();
    }
    if std::fs::read_to_string(&path).ok().as_deref() != Some(&text) {
        stale.push(name);
    }
}

#[test]
fn committed_types_are_up_to_date() {
    let mut stale = Vec::new();
    check::<Boot>(&mut stale);
    check::<ActionRequest>(&mut stale);
    check::<CommandStarted>(&mut stale);
    assert!(stale.is_empty(), "stale types: {stale:?}; run this test with UPDATE_TYPES=1 and commit them");
}
