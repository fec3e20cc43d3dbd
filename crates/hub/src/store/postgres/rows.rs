//! Columns as what they stand for.

use super::failure::Failure;
use gwanje_ledger::Standing;
use gwanje_model::digest::DigestSum;
use gwanje_model::{Epoch, Rev, RowDigest};
use gwanje_wire::Person;
use gwanje_wire::rest::{AlarmKind, ReceiptStage};
use tokio_postgres::Row;

/// An integer as PostgreSQL keeps it: the same 64 bits, signed.
pub(super) fn signed(value: u64) -> i64 {
    value.cast_signed()
}

/// The integer behind [`signed`].
pub(super) fn unsigned(value: i64) -> u64 {
    value.cast_unsigned()
}

/// A column of JSON.
pub(super) fn json<T: serde::de::DeserializeOwned>(row: &Row, column: usize) -> Result<T, Failure> {
    Ok(serde_json::from_str(row.get::<_, &str>(column))?)
}

/// A value as JSON text for a column.
pub(super) fn text_json(value: &impl serde::Serialize) -> Result<String, Failure> {
    Ok(serde_json::to_string(value)?)
}

/// Where a center stands, in the first columns: epoch, rev, count, digest, floor, alarm_seq, next_number.
pub(super) fn standing(row: &Row) -> Standing {
    Standing {
        epoch: Epoch::from(row.get::<_, String>(0)),
        rev: Rev(unsigned(row.get(1))),
        rows: RowDigest { count: unsigned(row.get(2)), digest: DigestSum(unsigned(row.get(3))) },
        floor: Rev(unsigned(row.get(4))),
        alarm_seq: unsigned(row.get(5)),
        next_number: unsigned(row.get(6)),
    }
}

/// Whoever has the account in one column, as the other calls them, where that is known.
pub(super) fn latest_name(row: &Row, account: usize, name: usize) -> Person {
    let account: &str = row.get(account);
    let name: Option<&str> = row.get(name);
    let name = name.filter(|name| !name.is_empty()).unwrap_or(account);
    Person { account: account.into(), name: name.into() }
}

pub(super) fn alarm_kind(row: &Row, column: usize) -> Result<AlarmKind, Failure> {
    let name: &str = row.get(column);
    AlarmKind::parse(name).ok_or_else(|| Failure::Damaged("alarm.kind", name.to_owned()))
}

pub(super) fn receipt_stage(row: &Row, column: usize) -> Result<ReceiptStage, Failure> {
    let name: &str = row.get(column);
    ReceiptStage::parse(name).ok_or_else(|| Failure::Damaged("receipt.stage", name.to_owned()))
}
