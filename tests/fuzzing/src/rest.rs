//! Every body that travels by REST or in an event.

use gwanje_model::Delivery;
use gwanje_wire::command::HistoryEvent;
use gwanje_wire::rest::{
    AlarmEntry, AlarmsRead, AlarmsReply, CenterInfo, ChangesReply, CloseReply, DigestReply, LoginReply,
    LoginRequest, ReceiptRequest, RefreshRequest, RevsReply, RowsReply, Snapshot, TicketReply,
};
use gwanje_wire::socket::{
    AlarmReceipt, ConnectAuth, ConnectRefusal, Cursor, Drain, RiderPos, SeatEntry, SeatState, SimpleAck,
    Subscribe, SubscribeAck,
};
use gwanje_wire::{CommandBody, Frame, Gone, Head, NewOrder, Problem, WireRow};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fmt::Debug;

/// The bytes are read as each kind of body. What can be read is written, and read again as the same.
pub fn rest(data: &[u8]) {
    let kinds: [fn(&[u8]); 35] = [
        same::<LoginRequest>,
        same::<RefreshRequest>,
        same::<LoginReply>,
        same::<TicketReply>,
        same::<CenterInfo>,
        same::<Vec<CenterInfo>>,
        same::<Snapshot>,
        same::<RowsReply>,
        same::<RevsReply>,
        same::<ChangesReply>,
        same::<DigestReply>,
        same::<AlarmEntry>,
        same::<AlarmsReply>,
        same::<ReceiptRequest>,
        same::<CloseReply>,
        same::<NewOrder>,
        same::<CommandBody>,
        same::<HistoryEvent>,
        same::<Problem>,
        same::<Delivery>,
        same::<WireRow>,
        same::<Frame>,
        same::<Gone>,
        same::<Head>,
        same::<ConnectAuth>,
        same::<ConnectRefusal>,
        same::<Cursor>,
        same::<Subscribe>,
        same::<SubscribeAck>,
        same::<SimpleAck>,
        same::<AlarmReceipt>,
        same::<SeatState>,
        same::<SeatEntry>,
        same::<RiderPos>,
        same::<Drain>,
    ];
    for kind in kinds {
        kind(data);
    }
    if let (Ok(read), Ok(strict)) =
        (serde_json::from_slice::<AlarmsRead>(data), serde_json::from_slice::<AlarmsReply>(data))
    {
        assert_eq!((read.alarms, read.unreadable), (strict.alarms, 0), "entry by entry reads the same");
    }
}

fn same<T: Serialize + DeserializeOwned + PartialEq + Debug>(data: &[u8]) {
    let Ok(read) = serde_json::from_slice::<T>(data) else { return };
    let written = serde_json::to_vec(&read).expect("a body can be written");
    let again: T = serde_json::from_slice(&written).expect("what was written can be read");
    assert_eq!(again, read);
}
