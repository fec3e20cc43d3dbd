//! Commands by REST: a new order, an action, the end of an idempotency key. Records every decided outcome, refusals
//! too, under the key of its request.

use super::ModelHub;
use super::accounts::Caller;
use super::acts::{Act, Each, complete};
use super::orders;
use super::outcomes::{self, Decision, Done, Meant};
use super::reply::{Refusal, etag, ok, refuse, tagged};
use super::request::Asked;
use super::setup::Instants;
use gwanje_model::lifecycle::Action;
use gwanje_model::{CenterId, DeliveryId, MAX_SAFE_INTEGER, Permission};
use gwanje_sync::HttpResponse;
use gwanje_wire::rest::Outcome;
use gwanje_wire::{CommandBody, ErrorCode, NewOrder};
use serde_json::Value;

/// The most characters of an idempotency key.
const KEY_MAX: usize = 200;
/// Fields in which a body might name who acts; the identity comes from the credential alone.
const IDENTITY_FIELDS: [&str; 4] = ["account", "actor", "user", "by"];

pub(super) enum Intent {
    Create(Box<NewOrder>),
    Act(Box<Act>),
    Batch(Vec<Each>),
}

impl ModelHub {
    /// POST `/centers/{c}/deliveries`.
    pub(super) fn create(
        &mut self,
        caller: &Caller,
        center: &CenterId,
        asked: &Asked<'_>,
        at: Instants,
    ) -> Result<HttpResponse, Refusal> {
        let intent = self.visible(caller, center).and_then(|()| new_order(caller, asked)).map(Intent::Create);
        self.carry_out(caller, center, intent, asked, at)
    }

    /// POST `/centers/{c}/deliveries/{id}/{action}`.
    pub(super) fn act(
        &mut self,
        caller: &Caller,
        center: &CenterId,
        (id, action): (&str, &str),
        asked: &Asked<'_>,
        at: Instants,
    ) -> Result<HttpResponse, Refusal> {
        let intent = self.visible(caller, center).and_then(|()| named_act(caller, id, action, asked));
        self.carry_out(caller, center, intent.map(Intent::Act), asked, at)
    }

    /// POST `/centers/{c}/commands/{key}/close`.
    pub(super) fn close(
        &mut self,
        caller: &Caller,
        center: &CenterId,
        key: &str,
        at: Instants,
    ) -> Result<HttpResponse, Refusal> {
        key_is_good(key)?;
        let reply = self.outcomes.close(&caller.account, center, key, at.wall);
        match (self.visible(caller, center), reply.outcome) {
            (Ok(()), _) => Ok(ok(&reply)),
            // The key is void even so.
            (Err(hidden), Outcome::Void) => Err(hidden),
            (Err(_), Outcome::Done | Outcome::Refused) => Ok(ok(&outcomes::without_rows(reply))),
        }
    }

    pub(super) fn carry_out(
        &mut self,
        caller: &Caller,
        center: &CenterId,
        intent: Result<Intent, Refusal>,
        asked: &Asked<'_>,
        at: Instants,
    ) -> Result<HttpResponse, Refusal> {
        let Some(key) = asked.header("idempotency-key") else {
            return answer(self.decide(caller, center, intent?, at));
        };
        key_is_good(key)?;
        let meant = asked.said().map_or_else(|| Meant::Garbage(asked.body().to_owned()), Meant::Json);
        let id = (&caller.account, center, key);
        if let Some(recorded) = self.outcomes.recorded(id, &asked.path, &meant) {
            return answer(recorded);
        }
        let decision = match intent {
            Ok(intent) => self.decide(caller, center, intent, at),
            Err(refusal) => Err(refusal.problem),
        };
        self.outcomes.record(id, &asked.path, meant, decision.clone(), at.wall);
        answer(decision)
    }

    fn decide(&mut self, caller: &Caller, center: &CenterId, intent: Intent, at: Instants) -> Decision {
        let (row, created) = match intent {
            Intent::Create(order) => (self.take_in(center, *order, &caller.account, at), true),
            Intent::Act(act) => (self.carry(center, &act, &caller.account, at), false),
            Intent::Batch(all) => return Ok(self.each(caller, center, all, at)),
        };
        let row = row.map_err(|refusal| refusal.problem)?;
        let epoch = self.center(center).map_err(|refusal| refusal.problem)?.epoch.clone();
        Ok(Done::Row { row, epoch, created })
    }
}

fn new_order(caller: &Caller, asked: &Asked<'_>) -> Result<Box<NewOrder>, Refusal> {
    allowed(caller, Permission::Create)?;
    let said: Value = asked.json()?;
    names_nobody_else(caller, &said, &IDENTITY_FIELDS)?;
    orders::read(said).map(Box::new)
}

fn named_act(caller: &Caller, id: &str, action: &str, asked: &Asked<'_>) -> Result<Box<Act>, Refusal> {
    let Some(action) = Action::parse(action) else {
        return refuse(ErrorCode::NotFound, "there is no such action");
    };
    allowed(caller, Permission::Act(action))?;
    let id = delivery_id(id)?;
    let body = body_of(caller, action, asked.said())?;
    complete(action, &body)?;
    let (if_match, role) = (if_match(asked.header("if-match")), Some(caller.role));
    let only_rider = caller.only_rider();
    Ok(Box::new(Act { id, action, body, if_match, if_rev: None, only_rider, role }))
}

/// What a body says that the action needs, and of nobody else.
pub(super) fn body_of(caller: &Caller, action: Action, said: Option<Value>) -> Result<CommandBody, Refusal> {
    let Some(mut said) = said.filter(Value::is_object) else {
        return refuse(ErrorCode::Invalid, "an action takes an object, or no body");
    };
    if let Some(rider) = said.get_mut("riderId").filter(|rider| rider.is_number()) {
        *rider = Value::String(rider.to_string());
    }
    // Who cancels is a different matter from who acts.
    let fields: Vec<_> =
        IDENTITY_FIELDS.into_iter().filter(|field| action != Action::Cancel || *field != "by").collect();
    names_nobody_else(caller, &said, &fields)?;
    let only_rider = caller.only_rider();
    let named = said.get("riderId");
    if let (Some(rider), Some(named)) = (&only_rider, named)
        && named.as_str() != Some(rider.as_str())
    {
        return refuse(ErrorCode::Forbidden, "a rider acts for nobody else");
    }
    serde_json::from_value(said)
        .or_else(|_| refuse(ErrorCode::Invalid, "the body is not what the action needs"))
}

/// A delivery's id in a path; anything else names no delivery.
pub(super) fn delivery_id(text: &str) -> Result<DeliveryId, Refusal> {
    match text.parse() {
        Ok(id) if id <= MAX_SAFE_INTEGER => Ok(DeliveryId(id)),
        Ok(_) | Err(_) => refuse(ErrorCode::NotFound, "there is no such delivery"),
    }
}

/// The tags that `If-Match` names, without quotes; none: any will do.
fn if_match(header: Option<&str>) -> Option<Vec<String>> {
    let tags: Vec<_> = header?.split(',').map(str::trim).collect();
    if tags.contains(&"*") {
        return None;
    }
    Some(tags.iter().map(|tag| tag.trim_start_matches("W/").trim_matches('"').to_owned()).collect())
}

pub(super) fn allowed(caller: &Caller, permission: Permission) -> Result<(), Refusal> {
    if caller.may(permission) { Ok(()) } else { refuse(ErrorCode::Forbidden, "this account may not do that") }
}

fn names_nobody_else(caller: &Caller, said: &Value, fields: &[&str]) -> Result<(), Refusal> {
    let names_another = |field: &str| {
        said.get(field).is_some_and(|named| !named.is_null() && named.as_str() != Some(&*caller.account))
    };
    if fields.iter().any(|field| names_another(field)) {
        return refuse(ErrorCode::Forbidden, "the body names another identity");
    }
    Ok(())
}

fn key_is_good(key: &str) -> Result<(), Refusal> {
    if (1..=KEY_MAX).contains(&key.len()) && key.is_ascii() {
        return Ok(());
    }
    refuse(ErrorCode::Invalid, "an idempotency key has 1 to 200 ASCII characters")
}

fn answer(decision: Decision) -> Result<HttpResponse, Refusal> {
    Ok(match decision? {
        Done::Row { row, epoch, created } => {
            tagged(if created { 201 } else { 200 }, etag(&epoch, row.rev), &*row)
        }
        Done::Each(reply, tag) => HttpResponse { etag: tag, ..ok(&reply) },
    })
}
