//! Erasing a customer, here or, of a hub that has its file alone, by that hub: the command line leaves it a note in the store
//! and waits for another.

use crate::hub::Hub;
use crate::store::{By, Erased, Erasure, Store, StoreError};
use gwanje_model::DeliveryId;
use gwanje_wire::people::AuditLine;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};

/// The name under which a hub finds what it is asked to erase; empty: nothing.
const ASKED_KEY: &str = "erase-asked";
/// The name under which it says what became of it.
const DONE_KEY: &str = "erase-done";
/// Between two looks at either.
const LOOK: Duration = Duration::from_secs(1);
/// How long the hub may take: a large file is written anew in some minutes.
const DONE_WITHIN: Duration = Duration::from_secs(600);

/// Whom to erase.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Customer {
    /// Whoever has that phone, in whatever writing.
    Phone(String),
    /// Whose delivery it is.
    Delivery(DeliveryId),
}

impl Customer {
    /// What is to be erased; none: it is no phone.
    #[must_use]
    pub fn erasure(&self) -> Option<Erasure> {
        match self {
            Self::Phone(phone) => Erasure::of_phone(phone),
            Self::Delivery(id) => Some(Erasure::of_delivery(*id)),
        }
    }
}

#[derive(Serialize, Deserialize)]
struct Asked {
    id: String,
    customer: Customer,
    /// Who asks, as the audit has it.
    #[serde(default)]
    by: String,
}

#[derive(Serialize, Deserialize)]
struct Done {
    id: String,
    result: Result<(usize, usize, usize), String>,
}

/// Erases a customer from the hub's store. Boards are told as of any change.
///
/// # Errors
/// When something could not be written: what is left is erased by asking again.
pub async fn erase(hub: &Hub, erasure: &Erasure, by: &By) -> Result<Erased, StoreError> {
    let erased = hub.store.erase(erasure).await?;
    note(hub, erasure, erased, by).await?;
    Ok(erased)
}

/// Keeps that somebody was erased, and by no more than a keyed hash who: whoever asks later whether it was done can be told,
/// and nobody can go through all phones with it.
async fn note(hub: &Hub, erasure: &Erasure, erased: Erased, by: &By) -> Result<(), StoreError> {
    let Erased { deliveries, told, records } = erased;
    let who = hub.auth.mark_of(erasure);
    tracing::info!(who, deliveries, told, records, "a customer was erased");
    let line = by.did(hub.clock.wall_now(), "customer.erased", who.into());
    hub.store.write_audit(vec![AuditLine { count: u64::try_from(deliveries).ok(), ..line }]).await
}

/// Does what the command line asks of a hub that has its store alone.
pub(crate) async fn watch(hub: Arc<Hub>) {
    if hub.store.is_shared() {
        return;
    }
    let mut looks = interval(LOOK);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        looks.tick().await;
        if let Err(error) = look(&hub).await {
            tracing::error!(%error, "a customer that is to be erased could not be");
        }
    }
}

async fn look(hub: &Hub) -> Result<(), StoreError> {
    let asked = hub.store.meta_get(ASKED_KEY).await?.filter(|asked| !asked.is_empty());
    let Some(asked) = asked.and_then(|asked| serde_json::from_str::<Asked>(&asked).ok()) else {
        return Ok(());
    };
    // First, so that what is written anew does not hold it.
    hub.store.meta_set(ASKED_KEY, "").await?;
    let Some(erasure) = asked.customer.erasure() else { return Ok(()) };
    let result = erase(hub, &erasure, &By { account: asked.by.into(), from: "local".into() }).await;
    let result = result
        .map(|Erased { deliveries, told, records }| (deliveries, told, records))
        .map_err(|error| error.to_string());
    let done = Done { id: asked.id, result };
    hub.store.meta_set(DONE_KEY, serde_json::to_string(&done).unwrap_or_default()).await
}

/// Has the hub that runs on a store's file erase a customer. What went wrong there is said in words.
///
/// # Errors
/// When the store can't be read or written.
pub async fn ask_running(
    store: &Store,
    customer: Customer,
    by: &By,
) -> Result<Result<Erased, String>, StoreError> {
    let id = ulid::Ulid::generate().to_string();
    let asked = Asked { id: id.clone(), customer, by: by.account.to_string() };
    store.meta_set(ASKED_KEY, serde_json::to_string(&asked).unwrap_or_default()).await?;
    let until = Instant::now() + DONE_WITHIN;
    while Instant::now() < until {
        let done = store.meta_get(DONE_KEY).await?;
        let done =
            done.and_then(|done| serde_json::from_str::<Done>(&done).ok()).filter(|done| done.id == id);
        if let Some(Done { result, .. }) = done {
            return Ok(result.map(|(deliveries, told, records)| Erased { deliveries, told, records }));
        }
        sleep(LOOK / 4).await;
    }
    store.meta_set(ASKED_KEY, "").await?;
    Ok(Err("the hub that runs on it gave no answer; see its log, or stop it and ask again".to_owned()))
}
