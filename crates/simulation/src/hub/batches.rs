//! A batch: one action on several deliveries, each decided by itself.

use super::ModelHub;
use super::accounts::Caller;
use super::bodies::complete;
use super::commands::{allowed, body_of, delivery_id};
use super::reply::{Refusal, refuse};
use super::request::Asked;
use super::setup::Instants;
use crate::oracle::{Act, Each, Wanted};
use gwanje_model::lifecycle::Action;
use gwanje_model::{CenterId, Permission};
use gwanje_sync::HttpResponse;
use gwanje_wire::ErrorCode;
use gwanje_wire::batch::{BATCH_MAX, BatchRow};
use serde::Deserialize;
use serde_json::{Map, Value};

#[derive(Deserialize)]
struct Said {
    action: String,
    #[serde(default)]
    body: Value,
    ids: Vec<BatchRow>,
}

impl ModelHub {
    /// POST `/centers/{c}/deliveries/batch`.
    pub(super) fn batch(
        &mut self,
        caller: &Caller,
        center: &CenterId,
        asked: &Asked<'_>,
        at: Instants,
    ) -> Result<HttpResponse, Refusal> {
        let wanted = self.visible(caller, center).and_then(|()| named_acts(caller, asked));
        self.carry_out(caller, center, wanted.map(Wanted::Batch), asked, at)
    }
}

fn named_acts(caller: &Caller, asked: &Asked<'_>) -> Result<Vec<Each>, Refusal> {
    let Said { action, body, ids } = asked.json()?;
    let Some(action) = Action::parse(&action) else {
        return refuse(ErrorCode::Invalid, "there is no such action");
    };
    allowed(caller, Permission::Act(action))?;
    if ids.len() > BATCH_MAX {
        return refuse(ErrorCode::Invalid, "a batch has at most 200 deliveries");
    }
    let said = if body.is_null() { Value::Object(Map::new()) } else { body };
    let body = body_of(caller, action, Some(said))?;
    if action != Action::Undo {
        complete(action, &body)?;
    }
    let act = |BatchRow { id, rev }: BatchRow| {
        let mut act = Act {
            id,
            action,
            body: body.clone(),
            if_match: None,
            if_rev: rev,
            only_rider: caller.only_rider(),
            role: Some(caller.role),
        };
        let known = delivery_id(&id.to_string()).map(drop);
        let whole = if action == Action::Undo {
            (act.body.rev, act.if_rev) = (rev, None);
            complete(action, &act.body)
        } else {
            Ok(())
        };
        (id, known.and(whole).map(|()| act).map_err(|refusal| refusal.problem))
    };
    Ok(ids.into_iter().map(act).collect())
}
