//! The TypeScript types in the page's folder are those of this crate. `UPDATE_TYPES=1` writes them anew.

use gwanje_board::{
    Cell, Counters, Filter, GroupBy, GroupHead, HeldCounts, Patch, Pinned, Place, Row, RowRider, SortKey,
    SortOrder, ViewSpec,
};
use std::error::Error;
use std::path::PathBuf;
use ts_rs::{Config, TS};

/// Where the page keeps what Rust wrote.
fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../ui/src/platform/generated")
}

/// Compares the committed file of `T` with what `T` is now, or writes it.
fn check<T: TS + 'static>(stale: &mut Vec<String>) -> Result<(), Box<dyn Error>> {
    let config = Config::default();
    let name = T::ident(&config);
    let path = folder().join(format!("{name}.ts"));
    let text = T::export_to_string(&config)?;
    if std::env::var_os("UPDATE_TYPES").is_some() {
        std::fs::create_dir_all(folder())?;
        std::fs::write(&path, &text)?;
    }
    if std::fs::read_to_string(&path).ok().as_deref() != Some(&text) {
        stale.push(format!("{name}.ts"));
    }
    Ok(())
}

#[test]
fn committed_types_are_up_to_date() -> Result<(), Box<dyn Error>> {
    let mut stale = Vec::new();
    check::<Cell>(&mut stale)?;
    check::<Counters>(&mut stale)?;
    check::<Filter>(&mut stale)?;
    check::<GroupBy>(&mut stale)?;
    check::<GroupHead>(&mut stale)?;
    check::<HeldCounts>(&mut stale)?;
    check::<Patch>(&mut stale)?;
    check::<Pinned>(&mut stale)?;
    check::<Place>(&mut stale)?;
    check::<Row>(&mut stale)?;
    check::<RowRider>(&mut stale)?;
    check::<SortKey>(&mut stale)?;
    check::<SortOrder>(&mut stale)?;
    check::<ViewSpec>(&mut stale)?;
    assert!(stale.is_empty(), "stale types: {stale:?}; run this test with UPDATE_TYPES=1 and commit them");
    Ok(())
}
