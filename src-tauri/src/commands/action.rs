//! An action on a delivery as the page asks for it, and the command it becomes.

use gwanje_engine::model::lifecycle::Action;
use gwanje_engine::model::{CancelBy, Rev, RiderId};
use gwanje_engine::wire::CommandBody;
use gwanje_engine::wire::batch::BatchRow;
use gwanje_engine::{BatchWish, CenterId, CommandWish, DeliveryId};
use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// An action on a delivery, as a person asks for it.
#[derive(Debug, Clone, PartialEq, Deserialize, TS)]
pub struct ActionRequest {
    /// Which center.
    pub center: CenterId,
    /// Which delivery.
    pub id: DeliveryId,
    /// The revision of it that the person saw: one that has moved on since is a conflict. Absent: as the board has it.
    #[serde(default, rename = "seenRev")]
    #[ts(optional)]
    pub seen_rev: Option<Rev>,
    /// The draft that it sends, as it was saved: it goes when this is done.
    #[serde(default)]
    #[ts(optional)]
    pub draft: Option<String>,
    /// What.
    #[serde(flatten)]
    pub action: RequestedAction,
}

/// An action by its wire name, with all that it needs.
#[derive(Debug, Clone, PartialEq, Deserialize, TS)]
#[serde(tag = "action", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum RequestedAction {
    /// See [`Action::Accept`].
    Accept,
    /// See [`Action::Assign`].
    Assign {
        /// To whom.
        rider_id: RiderId,
    },
    /// See [`Action::Unassign`].
    Unassign,
    /// See [`Action::Confirm`].
    Confirm,
    /// See [`Action::Pickup`].
    Pickup,
    /// See [`Action::Deliver`].
    Deliver,
    /// See [`Action::Cancel`].
    Cancel {
        /// In words.
        reason: String,
        /// By whom.
        by: CancelBy,
    },
    /// See [`Action::Note`].
    Note {
        /// What it says.
        text: String,
    },
    /// See [`Action::Undo`]: of the change that made the revision that the person saw.
    Undo,
}

/// The same action on several deliveries of a center, as a person asks for it.
#[derive(Debug, Clone, PartialEq, Deserialize, TS)]
pub struct BatchActionRequest {
    /// Which center.
    pub center: CenterId,
    /// Which deliveries.
    pub rows: Vec<ActionRow>,
    /// The draft that it sends, as it was saved for the first of them: it goes when this is done with all.
    #[serde(default)]
    #[ts(optional)]
    pub draft: Option<String>,
    /// What.
    #[serde(flatten)]
    pub action: RequestedAction,
}

/// A delivery among several.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, TS)]
pub struct ActionRow {
    /// Which.
    pub id: DeliveryId,
    /// The revision of it that the person saw. Absent: as the board has it.
    #[serde(default, rename = "seenRev")]
    #[ts(optional)]
    pub seen_rev: Option<Rev>,
}

/// A command that is on its way; its outcome comes as an event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct CommandStarted {
    /// Its id, as in the events.
    pub command_id: String,
}

impl From<ActionRequest> for CommandWish {
    fn from(request: ActionRequest) -> Self {
        let ActionRequest { center, id, seen_rev, draft, action } = request;
        let (action, body) = action.with_body();
        if action == Action::Undo {
            return Self::act(center, id, action, CommandBody { rev: seen_rev, ..body });
        }
        Self::act(center, id, action, body).seen_at(seen_rev).of_draft(draft)
    }
}

impl From<BatchActionRequest> for BatchWish {
    fn from(request: BatchActionRequest) -> Self {
        let (action, body) = request.action.with_body();
        let rows = request.rows.into_iter().map(|row| BatchRow { id: row.id, rev: row.seen_rev });
        Self { center: request.center, action, body, rows: rows.collect(), draft: request.draft }
    }
}

impl RequestedAction {
    fn with_body(self) -> (Action, CommandBody) {
        let nothing = CommandBody::default();
        match self {
            Self::Accept => (Action::Accept, nothing),
            Self::Assign { rider_id } => {
                (Action::Assign, CommandBody { rider_id: Some(rider_id), ..nothing })
            }
            Self::Unassign => (Action::Unassign, nothing),
            Self::Confirm => (Action::Confirm, nothing),
            Self::Pickup => (Action::Pickup, nothing),
            Self::Deliver => (Action::Deliver, nothing),
            Self::Cancel { reason, by } => {
                (Action::Cancel, CommandBody { reason: Some(reason.into()), by: Some(by), ..nothing })
            }
            Self::Note { text } => (Action::Note, CommandBody { text: Some(text.into()), ..nothing }),
            Self::Undo => (Action::Undo, nothing),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gwanje_engine::CommandKind;
    use serde_json::{Value, json};

    fn said(action: &str, more: Value) -> Value {
        let mut said = json!({ "action": action, "center": "gangnam", "id": 7 });
        said.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        said
    }

    #[test]
    fn every_action_of_the_page_becomes_a_wish() {
        let nothing = CommandBody::default;
        let needed = |action| match action {
            Action::Accept | Action::Unassign | Action::Confirm | Action::Pickup | Action::Deliver => {
                (json!({}), nothing())
            }
            Action::Assign => {
                (json!({ "riderId": "r4" }), CommandBody { rider_id: Some("r4".into()), ..nothing() })
            }
            Action::Cancel => (
                json!({ "reason": "x", "by": "customer" }),
                CommandBody { reason: Some("x".into()), by: Some(CancelBy::Customer), ..nothing() },
            ),
            Action::Note => (json!({ "text": "x" }), CommandBody { text: Some("x".into()), ..nothing() }),
            Action::Undo => (json!({ "seenRev": 9 }), CommandBody { rev: Some(Rev(9)), ..nothing() }),
        };
        for action in Action::ALL {
            let (more, body) = needed(action);
            let request: ActionRequest = serde_json::from_value(said(action.as_str(), more)).unwrap();
            let expected = CommandKind::Act { id: DeliveryId(7), seen: None, action, body };
            let wish = CommandWish::from(request);
            assert_eq!((wish.center.as_str(), wish.what), ("gangnam", expected), "{action}");
        }
    }

    #[test]
    fn the_revision_that_the_person_saw_goes_along() {
        let request: ActionRequest =
            serde_json::from_value(said("accept", json!({ "seenRev": 41 }))).unwrap();
        let wish = CommandWish::from(request);
        assert!(matches!(wish.what, CommandKind::Act { seen: Some(Rev(41)), .. }), "{:?}", wish.what);
    }

    #[test]
    fn the_draft_that_is_sent_goes_along_and_is_none_of_the_body() {
        let request: ActionRequest =
            serde_json::from_value(said("note", json!({ "text": "x", "draft": " x" }))).unwrap();
        let wish = CommandWish::from(request);
        assert_eq!(wish.draft.as_deref(), Some(" x"));
        let body = CommandBody { text: Some("x".into()), ..CommandBody::default() };
        assert!(matches!(wish.what, CommandKind::Act { body: sent, .. } if sent == body));
    }

    #[test]
    fn several_deliveries_are_one_wish_and_each_names_what_was_seen() {
        let said = json!({
            "center": "gangnam", "action": "note", "text": "x", "rows": [{ "id": 7, "seenRev": 41 }, { "id": 8 }],
        });
        let wish = BatchWish::from(serde_json::from_value::<BatchActionRequest>(said).unwrap());
        assert_eq!((wish.center.as_str(), wish.action), ("gangnam", Action::Note));
        assert_eq!(wish.body, CommandBody { text: Some("x".into()), ..CommandBody::default() });
        let row = |id, rev: Option<u64>| BatchRow { id: DeliveryId(id), rev: rev.map(Rev) };
        assert_eq!(wish.rows, [row(7, Some(41)), row(8, None)]);
    }

    #[test]
    fn what_the_page_should_not_say_is_refused_by_name() {
        for (said, named) in [
            (said("explode", json!({})), "explode"),
            (said("cancel", json!({ "reason": "x", "by": "weather" })), "weather"),
            (said("cancel", json!({ "by": "shop" })), "reason"),
            (said("assign", json!({})), "riderId"),
            (said("note", json!({})), "text"),
            (json!({ "action": "accept", "center": "gangnam" }), "id"),
            (json!({ "center": "gangnam", "id": 7 }), "action"),
        ] {
            let refused = serde_json::from_value::<ActionRequest>(said.clone()).unwrap_err().to_string();
            assert!(refused.contains(named), "{said}: {refused}");
        }
    }
}
