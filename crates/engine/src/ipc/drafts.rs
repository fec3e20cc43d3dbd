//! Drafts as a page sees them.

use gwanje_model::{CenterId, DeliveryId};
use serde::{Deserialize, Serialize};
use std::fmt;
use ts_rs::TS;

/// What a draft is about: one draft a subject.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum DraftSubject {
    /// A delivery, or the first of several.
    Delivery {
        /// Which center.
        center: CenterId,
        /// Which delivery.
        id: DeliveryId,
        /// What is written about it.
        kind: DraftKind,
    },
    /// A room of the chat.
    Room {
        /// Which center.
        center: CenterId,
        /// Which room.
        room: String,
    },
    /// A new order.
    NewOrder {
        /// Which center.
        center: CenterId,
    },
}

/// What is written about a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub enum DraftKind {
    /// A note.
    Note,
    /// Why it is cancelled.
    Cancel,
}

/// What was written and not sent.
#[derive(Clone, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct DraftView {
    /// What it is about.
    pub subject: DraftSubject,
    /// What was written.
    pub text: String,
    /// When (wall clock).
    #[ts(type = "number")]
    pub at: i64,
    /// What people call the delivery; null: none, or the board does not have it.
    pub number: Option<String>,
    /// A command is under way with it: it goes when that is done, and stays when it is not.
    pub sending: bool,
}

impl fmt::Debug for DraftView {
    /// Without the text, which is nobody's but its writer's.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DraftView")
            .field("subject", &self.subject)
            .field("at", &self.at)
            .field("sending", &self.sending)
            .finish_non_exhaustive()
    }
}
