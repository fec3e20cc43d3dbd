//! `gwanje-hub erase`: erases a customer.

use crate::args::EraseArgs;
use crate::commands::{load, open, open_to_use, say};
use crate::exit_error::ExitError;
use crate::people::by;
use gwanje_hub::claim::{Claim, ClaimError};
use gwanje_hub::config::ServeConfig;
use gwanje_hub::erasing::{Customer, ask_running, erase as erase_here};
use gwanje_hub::logged::LogKept;
use gwanje_hub::store::{Erased, StorePlace};
use gwanje_model::DeliveryId;
use std::io::BufRead as _;

/// Erases a customer: by this process, or by the hub that runs on the file.
///
/// # Errors
/// When it is no phone, or the store can't be used.
pub async fn erase(args: EraseArgs) -> Result<(), ExitError> {
    let customer = match (args.phone.as_deref(), args.delivery) {
        (Some("-"), _) => Customer::Phone(read_phone()?),
        (Some(phone), _) => Customer::Phone(phone.to_owned()),
        (None, Some(id)) => Customer::Delivery(DeliveryId(id)),
        (None, None) => return Err(ExitError::input("say whom to erase by --phone or --delivery")),
    };
    let erasure = customer.erasure().ok_or_else(|| {
        ExitError::input("this is no phone: one has 7 to 15 digits, with or without country and signs")
    })?;
    let config = load(&args.config)?;
    let is_running = match config.kept() {
        StorePlace::Postgres(_) => None,
        StorePlace::File(_) => match Claim::on(&config.data).await {
            Ok(claim) => Some(Ok(claim)),
            Err(taken @ ClaimError::Taken(_)) => Some(Err(taken)),
            Err(other) => return Err(other.into()),
        },
    };
    let erased = match is_running {
        Some(Err(_)) => ask(&config, customer).await?,
        None | Some(Ok(_)) => {
            let hub = open_to_use(&config, LogKept::default()).await?;
            let erased = erase_here(&hub, &erasure, &by()).await.map_err(ExitError::running)?;
            hub.store.close().await;
            erased
        }
    };
    if erased.is_nothing() {
        return say("nothing of that customer is kept");
    }
    let Erased { deliveries, told, records } = erased;
    say(&format!(
        "erased: {deliveries} deliveries of the customer, {told} rows on boards, {records} records of the past"
    ))
}

/// Has the hub do it that runs on the file: it alone knows where its boards stand.
async fn ask(config: &ServeConfig, customer: Customer) -> Result<Erased, ExitError> {
    let hub = open(config, LogKept::default()).await?;
    let answered = ask_running(&hub.store, customer, &by()).await.map_err(ExitError::running)?;
    hub.store.close().await;
    answered.map_err(ExitError::running)
}

fn read_phone() -> Result<String, ExitError> {
    let mut line = String::new();
    std::io::stdin()
        .lock()
        .read_line(&mut line)
        .map_err(|error| ExitError::running(format!("the phone can't be read from stdin: {error}")))?;
    Ok(line.trim().to_owned())
}
