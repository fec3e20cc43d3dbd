//! The core's records as the cache has them, and back.

use gwanje_cache::{
    CacheCursor, CachedAlarm, CachedCommand, CachedName, CachedOwn, CachedRow, CachedSkip, Loaded,
};
use gwanje_sync::{
    AlarmKey, CommandId, ForeignName, OwnCancellation, Restored, SkippedAlarms, StoredAlarm, StoredCommand,
};
use gwanje_wire::WireRow;
use gwanje_wire::rest::{AlarmKind, ReceiptStage};
use gwanje_wire::socket::Cursor;

pub(crate) fn cached_row(row: &WireRow) -> CachedRow {
    CachedRow { id: row.id(), rev: row.rev(), delivery: row.delivery().cloned() }
}

/// A cached row as the core has it.
#[must_use]
pub fn wire_row(row: CachedRow) -> WireRow {
    match row.delivery {
        Some(delivery) => WireRow::Row(delivery),
        None => WireRow::Unreadable { id: row.id, rev: row.rev },
    }
}

pub(crate) fn cached_cursor(cursor: &Cursor) -> CacheCursor {
    CacheCursor { epoch: cursor.epoch.clone(), rev: cursor.rev }
}

pub(crate) fn cached_skip(skipped: &SkippedAlarms) -> CachedSkip {
    CachedSkip { after: skipped.after, reader: skipped.reader.clone() }
}

pub(crate) fn cached_command(command: &StoredCommand) -> CachedCommand {
    CachedCommand {
        key: command.command.0.as_str().into(),
        delivery: command.delivery,
        batch: command.batch.clone(),
        action: command.action.clone(),
        clicked_at: command.clicked_at,
    }
}

fn stored_command(command: CachedCommand) -> StoredCommand {
    StoredCommand {
        command: CommandId(command.key.to_string()),
        delivery: command.delivery,
        batch: command.batch,
        action: command.action,
        clicked_at: command.clicked_at,
    }
}

pub(crate) fn cached_own(own: &OwnCancellation) -> CachedOwn {
    CachedOwn { id: own.id, done: own.done, alarm: own.alarm }
}

pub(crate) fn cached_alarm(alarm: &StoredAlarm) -> CachedAlarm {
    CachedAlarm {
        id: alarm.key.id,
        kind: alarm.key.kind.as_str().into(),
        raised_at: alarm.key.raised_at,
        stage: alarm.stage.as_str().into(),
        at_hub: alarm.at_hub.map_or("", ReceiptStage::as_str).into(),
        lost: alarm.lost,
        row: alarm.delivery.as_ref().map(cached_row),
    }
}

/// A cached alarm as the core has it. None: of a kind or stage that this version does not know.
#[must_use]
pub fn stored_alarm(alarm: CachedAlarm) -> Option<StoredAlarm> {
    let key = AlarmKey { id: alarm.id, kind: AlarmKind::parse(&alarm.kind)?, raised_at: alarm.raised_at };
    Some(StoredAlarm {
        key,
        stage: stage_of(&alarm.stage)?,
        at_hub: stage_of(&alarm.at_hub),
        lost: alarm.lost,
        delivery: alarm.row.map(wire_row),
    })
}

/// The stage of a wire name.
fn stage_of(name: &str) -> Option<ReceiptStage> {
    [ReceiptStage::Delivered, ReceiptStage::Displayed, ReceiptStage::Acknowledged]
        .into_iter()
        .find(|stage| stage.as_str() == name)
}

/// A center as it was cached, as the core has it. The horizon is kept elsewhere.
pub(crate) fn restored(loaded: Loaded) -> Restored {
    Restored {
        rows: loaded.rows.into_iter().map(wire_row).collect(),
        cursor: loaded.cursor.map(|cursor| Cursor { epoch: cursor.epoch, rev: cursor.rev }),
        alarms: loaded.alarms.into_iter().filter_map(stored_alarm).collect(),
        alarm_seq: loaded.alarm_seq,
        horizon: None,
        proven_at: loaded.proven_at,
        alarms_skipped: loaded
            .alarms_skipped
            .map(|skip| SkippedAlarms { after: skip.after, reader: skip.reader }),
        commands: loaded.commands.into_iter().map(stored_command).collect(),
        own: loaded
            .own
            .into_iter()
            .map(|CachedOwn { id, done, alarm }| OwnCancellation { id, done, alarm })
            .collect(),
        names: loaded
            .names
            .into_iter()
            .map(|CachedName { id, name, left_at }| (id, ForeignName { name, left_at }))
            .collect(),
    }
}
