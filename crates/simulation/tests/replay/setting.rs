//! Real hubs that begin as a model does: with the same centers, epochs, riders and accounts, in a file that is copied
//! for each.

use argon2::password_hash::PasswordHasher;
use argon2::password_hash::phc::PasswordHash;
use argon2::{Algorithm, Argon2, Params, Version};
use gwanje_hub::auth::NewAccount;
use gwanje_hub::store::{CenterRecord, Store, StoreConfig};
use gwanje_hub::{Clock, Hub, HubConfig};
use gwanje_model::UtcMillis;
use gwanje_simulation::hub::{AccountSetup, Setup};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tempfile::TempDir;

/// A hub's file with nothing on its boards yet.
pub struct Setting {
    setup: Setup,
    folder: TempDir,
}

/// A folder in memory where there is one: these files need not survive a power cut, and flushing to disk takes time.
fn folder() -> TempDir {
    let memory = Path::new("/dev/shm");
    let folder = tempfile::Builder::new().prefix("gwanje-replay-").tempdir_in(memory);
    folder.or_else(|_| tempfile::tempdir()).unwrap()
}

impl Setting {
    pub async fn of(setup: &Setup) -> Self {
        let folder = folder();
        let path = folder.path().join("template.sqlite");
        let store = Store::open(StoreConfig::at(&path, Clock::still(UtcMillis(0), UtcMillis(0)))).unwrap();
        let hub = Hub::open(store.clone(), HubConfig::default()).await.unwrap();
        for center in setup.centers.clone() {
            let record = CenterRecord {
                id: center.id.clone(),
                name: center.name,
                pos: center.pos,
                time_zone: center.time_zone,
            };
            store.ensure_center(record).await.unwrap();
            store.upsert_riders(&center.id, center.riders).await.unwrap();
        }
        for account in setup.accounts.clone() {
            let AccountSetup { name, person, password, role, centers } = account;
            let new = NewAccount { name, role, centers, rider: None, person: Some(person), password };
            hub.auth.put_account(new).await.unwrap();
        }
        store.close().await;
        let db = rusqlite::Connection::open(&path).unwrap();
        for center in &setup.centers {
            let ids = [center.epoch.as_str(), center.id.as_str()];
            assert_eq!(db.execute("UPDATE center SET epoch = ?1 WHERE id = ?2", ids).unwrap(), 1);
        }
        for account in &setup.accounts {
            let cheap = cheaply_hashed(&account.password);
            let set = [cheap.as_str(), account.name.as_str()];
            assert_eq!(db.execute("UPDATE account SET password = ?1 WHERE name = ?2", set).unwrap(), 1);
        }
        Self { setup: setup.clone(), folder }
    }

    /// The file for a new hub, and the folder that holds it.
    pub fn copied(&self) -> (Kept, TempDir) {
        let folder = folder();
        let path = folder.path().join("hub.sqlite");
        std::fs::copy(self.folder.path().join("template.sqlite"), &path).unwrap();
        let Setup { tombstones_kept, socket_urls, .. } = self.setup.clone();
        (Kept { path, tombstones_kept, socket_urls }, folder)
    }
}

/// What survives a hub's process.
pub struct Kept {
    path: PathBuf,
    tombstones_kept: u64,
    socket_urls: Vec<String>,
}

impl Kept {
    /// A hub on this file; its clocks stand at the beginning of time.
    pub async fn hub(&self) -> Arc<Hub> {
        let mut config = StoreConfig::at(&self.path, Clock::still(UtcMillis(0), UtcMillis(0)));
        config.tombstones_kept = self.tombstones_kept;
        // Few, so that reads that reach back further use the tables.
        config.recent_changes = 16;
        let hub = Hub::open(Store::open(config).unwrap(), HubConfig::default()).await.unwrap();
        hub.set_socket_urls(self.socket_urls.clone());
        Arc::new(hub)
    }
}

/// Hashes the password with the least work that the method allows; the hash itself tells how much work it took.
fn cheaply_hashed(password: &str) -> String {
    let params = Params::new(Params::MIN_M_COST, Params::MIN_T_COST, Params::MIN_P_COST, None).unwrap();
    let hasher = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let hash: PasswordHash = hasher.hash_password(password.as_bytes()).unwrap();
    hash.to_string()
}
