//! Opens stores in files.

use gwanje_hub::store::{Store, StoreConfig};

/// A store; one with a path is found again by it.
#[expect(clippy::unused_async, reason = "stores of another kind are waited for")]
pub async fn store(config: StoreConfig) -> Store {
    Store::open(config).unwrap()
}
