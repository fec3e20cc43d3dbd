//! Sockets without their bytes: joining a center with a ticket, and what a client asks there.

use super::ModelHub;
use super::accounts::Caller;
use super::setup::Instants;
use gwanje_model::{CenterId, Role, SeatId, Text};
use gwanje_wire::ErrorCode;
use gwanje_wire::frame::FRAME_MAX_ENTRIES;
use gwanje_wire::socket::{
    AlarmReceipt, ConnectAuth, ConnectRefusal, SeatState, SimpleAck, Stream, Subscribe, SubscribeAck,
};
use serde::Serialize;
use serde_json::Value;

/// A namespace that a connection has joined.
#[derive(Debug, Clone, PartialEq)]
pub struct Joined {
    /// The connection, as its node numbers it.
    pub connection: u64,
    /// The center.
    pub center: CenterId,
    /// Who it is.
    pub account: Text,
    /// In which role.
    pub role: Role,
    /// At which seat.
    pub seat: SeatId,
    /// By which sign-in.
    pub sign_in: u64,
    /// How often what the account may had been changed then.
    pub rights: u64,
}

impl ModelHub {
    pub(super) fn admit(
        &mut self,
        connection: u64,
        namespace: &str,
        auth: &Value,
        at: Instants,
    ) -> Result<Joined, ConnectRefusal> {
        let refuse = |code: ErrorCode| Err(ConnectRefusal { code, message: code.as_str().to_owned() });
        let Ok(ConnectAuth { ticket, seat }) = serde_json::from_value(auth.clone()) else {
            return refuse(ErrorCode::Unauthorized);
        };
        let Some(caller) = self.accounts.spend_ticket(&ticket, connection, at) else {
            return refuse(ErrorCode::Unauthorized);
        };
        let center = namespace.strip_prefix("/center/").map(CenterId::from);
        let Some(center) = center.filter(|center| self.visible(&caller, center).is_ok()) else {
            return refuse(ErrorCode::NotFound);
        };
        let Caller { account, role, sign_in, rights, .. } = caller;
        if role == Role::Rider {
            return refuse(ErrorCode::Forbidden);
        }
        let seat = seat.unwrap_or_else(|| SeatId(account.clone()));
        Ok(Joined { connection, center, account, role, seat, sign_in, rights })
    }

    /// Whether the sign-in behind a connection still holds, and its account may what it could. A node disconnects
    /// those for whom this is false.
    #[must_use]
    pub fn still_may(&self, who: &Joined) -> bool {
        let living = self.accounts.living(who.sign_in);
        let living = living.filter(|caller| (caller.role, caller.rights) == (who.role, who.rights));
        living.is_some_and(|caller| self.visible(&caller, &who.center).is_ok())
    }

    pub(super) fn answer_event(&mut self, who: &Joined, name: &str, data: &Value, at: Instants) -> Value {
        match name {
            "subscribe" => match serde_json::from_value::<Subscribe>(data.clone()) {
                Ok(wish) => json(&self.subscribed(who, wish, at)),
                Err(_) => json(&refused(ErrorCode::Invalid)),
            },
            "seat" => match serde_json::from_value::<SeatState>(data.clone()) {
                Ok(_) => json(&done()),
                Err(_) => json(&refused(ErrorCode::Invalid)),
            },
            "alarm" => match serde_json::from_value::<AlarmReceipt>(data.clone()) {
                Ok(word) => json(&self.alarm_word(who, &word, at)),
                Err(_) => json(&refused(ErrorCode::Invalid)),
            },
            _ => json(&refused(ErrorCode::Invalid)),
        }
    }

    fn subscribed(&self, who: &Joined, wish: Subscribe, at: Instants) -> SubscribeAck {
        let Some(center) = self.board(&who.center) else {
            let code = Some(ErrorCode::Unavailable);
            return SubscribeAck { ok: false, head: None, missed: None, resync: None, code };
        };
        let head = Some(center.standing().head(at.wall, at.day));
        let standing = SubscribeAck { ok: true, head, missed: None, resync: None, code: None };
        let Some(cursor) = wish.cursor.filter(|_| wish.streams.contains(&Stream::Deliveries)) else {
            return standing;
        };
        match self.missed(&who.center, Some(&cursor.epoch), cursor.rev, FRAME_MAX_ENTRIES, at) {
            // Sends no frame that does not hold everything: the client pages instead.
            Ok(reply) => {
                let whole = reply.frame.to == reply.frame.as_of;
                SubscribeAck { missed: whole.then_some(reply.frame), ..standing }
            }
            Err(reason) => SubscribeAck { resync: Some(reason), ..standing },
        }
    }

    fn alarm_word(&mut self, who: &Joined, word: &AlarmReceipt, at: Instants) -> SimpleAck {
        match self.word(&who.center, word, &who.account, &who.seat, at) {
            Ok(()) => done(),
            Err(refusal) => refused(refusal.problem.code),
        }
    }
}

fn done() -> SimpleAck {
    SimpleAck { ok: true, code: None, detail: None }
}

fn refused(code: ErrorCode) -> SimpleAck {
    SimpleAck { ok: false, code: Some(code), detail: Some(code.as_str().to_owned()) }
}

pub(super) fn json(value: &impl Serialize) -> Value {
    // Everything that travels has a JSON form.
    serde_json::to_value(value).unwrap_or_default()
}
