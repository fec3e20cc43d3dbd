//! Requests at a node: refused, refused for now, or answered by a lagging replica or by the hub; and what becomes of
//! the answer on its way back.

use super::commits::{Asked, Waiting};
use super::seats::{center_of, node_of};
use super::{Event, World};
use crate::fault::Fault;
use crate::seat::Arrival;
use crate::tag::Tag;
use gwanje_model::CenterId;
use gwanje_sync::{HttpFailure, HttpRequest, HttpResponse, Method, RequestId, SocketEvent};
use gwanje_wire::{ErrorCode, Head};
use serde_json::{Value, json};

impl World {
    /// A request reaches its node.
    pub(super) fn asked(&mut self, index: usize, life: u32, id: RequestId, request: HttpRequest, back: bool) {
        let node = node_of(&request.url);
        let is_down = self.nodes.get(node).is_none_or(|node| node.down_until > self.now);
        let about = center_of(&request.url).filter(|_| request.method == Method::Post);
        if let Some(center) = about.clone().filter(|center| !is_down && self.hub.is_locked(center)) {
            let asked = Asked { seat: index, life, id, request, back, node };
            return self.waiting.push((center, Waiting::Asked(asked)));
        }
        let slow = if is_command(&request) { self.suffers(index, about.as_ref()) } else { None };
        self.hub.stage_next(slow.is_some());
        let mut tags = Vec::new();
        let result = if is_down {
            Err(HttpFailure::Refused("connection refused".to_owned()))
        } else {
            Ok(self.answer(index, node, &request, &mut tags))
        };
        self.hub.stage_next(false);
        if let (Some(slow), Some(staged), Ok(answer)) = (slow, self.hub.take_staged(), &result) {
            let (answer, asked) = (answer.clone(), Asked { seat: index, life, id, request, back, node });
            return self.committing(slow, *staged, asked, answer, tags);
        }
        if !back {
            return;
        }
        self.answer_back(index, life, id, &request, result, tags);
    }

    fn answer(
        &mut self,
        index: usize,
        node: usize,
        request: &HttpRequest,
        tags: &mut Vec<Tag>,
    ) -> HttpResponse {
        let now = self.now;
        if self.storm.0 > now && self.rng_chance(60) {
            if wants_in(request) {
                tags.push(Tag::By(Fault::ReconnectStorm));
            }
            let code = if self.storm.1 == 429 { ErrorCode::TooManyRequests } else { ErrorCode::Unavailable };
            return told(self.storm.1, code, Some(1 + now % 3));
        }
        if self.is_store_away(node) {
            let all = self.store_down_until > now;
            tags.push(Tag::By(if all { Fault::StoreRestarted } else { Fault::StoreCut }));
            return told(503, ErrorCode::Unavailable, None);
        }
        let token = request.headers.iter().find(|(name, _)| *name == "authorization");
        if token.is_some_and(|(_, token)| self.void_tokens.contains(token)) {
            tags.push(Tag::By(Fault::Credentials));
            return told(401, ErrorCode::Unauthorized, None);
        }
        let is_change = request.method == Method::Post && center_of(&request.url).is_some();
        if self.frozen && is_change && !request.url.contains("/alarms/") {
            return told(503, ErrorCode::Unavailable, Some(2));
        }
        if let Some(stale) = self.answer_of_replica(index, request, tags) {
            return stale;
        }
        let paged = self.paged(index, request, tags);
        let at = self.at();
        self.hub.use_node(node);
        let mut response = self.hub.rest(paged.as_ref().unwrap_or(request), at);
        let about =
            center_of(&request.url).and_then(|center| Some((center.clone(), self.hub.board(&center)?)));
        tags.extend(about.map(|(center, board)| Tag::Tells(center, board.standing().epoch.clone())));
        self.note_recorded(request, &response);
        self.committed();
        // The sign-in has ended, or the center is hidden.
        let is_hidden = response.status == 404 && request.method == Method::Get;
        if response.status == 401 || (is_hidden && center_of(&request.url).is_some()) {
            tags.push(Tag::By(Fault::Credentials));
        }
        if paged.is_some() {
            self.change_between_pages(index, &response);
        }
        if self.is_newer(node)
            && request.method == Method::Get
            && let Ok(mut body) = serde_json::from_slice::<Value>(&response.body)
        {
            dress(&mut body);
            tags.push(Tag::By(Fault::TwoVersions));
            response.body = serde_json::to_vec(&body).unwrap_or_default();
        }
        response
    }

    /// The answer of a node that can't say what became of a change.
    #[expect(clippy::unused_self, reason = "it is the world's node that answers")]
    pub(super) fn unsettled(&self) -> HttpResponse {
        told(503, ErrorCode::Unavailable, None)
    }

    fn rng_chance(&mut self, percent: u64) -> bool {
        self.draw(1, 100) <= percent
    }

    /// Lets a replica that stands still answer some reads.
    fn answer_of_replica(
        &mut self,
        index: usize,
        request: &HttpRequest,
        tags: &mut Vec<Tag>,
    ) -> Option<HttpResponse> {
        let at = self.at();
        let stale = self.seats.get(index)?.line.stale.as_ref()?;
        let about = center_of(&request.url)?;
        if stale.until <= self.now || stale.center != about || request.method != Method::Get {
            return None;
        }
        if self.draw(0, 9) < 3 {
            return None;
        }
        let seat = self.seats.get_mut(index)?;
        if seat.told.disk_lost_ms.is_some() && request.url.contains("/alarms") {
            seat.told.misled.insert(about.clone());
        }
        let stale = seat.line.stale.as_mut()?;
        let response = stale.hub.rest(request, at);
        let behind =
            stale.hub.board(&about).map(|board| (board.standing().epoch.clone(), board.standing().rev));
        tags.extend(behind.clone().map(|(epoch, _)| Tag::Tells(about.clone(), epoch)));
        let present =
            self.hub.board(&about).map(|board| (board.standing().epoch.clone(), board.standing().rev));
        if behind != present {
            tags.push(Tag::By(Fault::StaleReplica));
            tags.extend(behind.map(|(epoch, _)| Tag::OldEpoch(about, epoch)));
        }
        Some(response)
    }

    /// Answers `changes` by small pages, where a fault says so.
    fn paged(&mut self, index: usize, request: &HttpRequest, tags: &mut Vec<Tag>) -> Option<HttpRequest> {
        let (before, _) = request.url.split_once("&limit=")?;
        let line = &mut self.seats.get_mut(index)?.line;
        let overtaken = line.page_overtaken.take();
        if let Some((center, to)) = overtaken
            && center_of(&request.url) == Some(center)
            && before.ends_with(&format!("&after={to}"))
        {
            tags.push(Tag::By(Fault::ChangePages));
        }
        let (page, _) = line.pages?;
        Some(HttpRequest { url: format!("{before}&limit={page}"), ..request.clone() })
    }

    fn change_between_pages(&mut self, index: usize, response: &HttpResponse) {
        let Ok(body) = serde_json::from_slice::<Value>(&response.body) else { return };
        let number = |of: &str, name: &str| body.get(of).and_then(|of| of.get(name)).and_then(Value::as_u64);
        let cut = number("frame", "to") < number("head", "rev");
        let Some(pages) = self.seats.get_mut(index).and_then(|seat| seat.line.pages.as_mut()) else { return };
        if !cut {
            return;
        }
        if pages.1 == 0 {
            if let Some(seat) = self.seats.get_mut(index) {
                seat.line.pages = None;
            }
            return;
        }
        pages.1 -= 1;
        let about = body.pointer("/frame/rows/0/center").and_then(Value::as_str).map(CenterId::from);
        let Some(center) = about else { return };
        self.straggle(index, &center, number("frame", "to"));
        // Changes a row of this page again, and a row that is on none of the pages.
        let id = body.pointer("/frame/rows/0/id").and_then(Value::as_u64).unwrap_or(0);
        self.note_on(&center, id);
        self.overtake_page(index, &center, number("frame", "to"));
        let pick = self.draw(0, 1_000);
        self.work(&center, crate::plan::Work::Note, pick);
    }

    /// Changes rows of a page before the next page is asked for.
    fn overtake_page(&mut self, index: usize, center: &CenterId, to: Option<u64>) {
        let rev = self.hub.board(center).map(|board| board.standing().rev.0);
        if let (Some(seat), Some(to)) = (self.seats.get_mut(index), to.filter(|to| rev > Some(*to))) {
            seat.line.page_overtaken = Some((center.clone(), to));
        }
    }

    /// Lets an old head arrive, of just the revision at which a page ends.
    fn straggle(&mut self, index: usize, center: &CenterId, to: Option<u64>) {
        let Some(stood) = self
            .truths
            .get(center)
            .and_then(|truth| truth.stood.iter().rev().find(|stood| Some(stood.rev.0) == to))
        else {
            return;
        };
        let at = gwanje_model::UtcMillis(super::BEGINNING).plus_ms(stood.from_ms.cast_signed());
        let head = Head {
            epoch: stood.epoch.clone(),
            rev: stood.rev,
            count: stood.rows.count,
            digest: stood.rows.digest,
            at,
            day_at: at,
            alarm_seq: 0,
        };
        let text = gwanje_wire::sio::event(&super::namespace(center), None, "head", &head);
        if let (Ok(text), Some(seat)) = (text, self.seats.get_mut(index)) {
            seat.line.straggler = Some(text);
        }
    }

    pub(super) fn answer_back(
        &mut self,
        index: usize,
        life: u32,
        id: RequestId,
        request: &HttpRequest,
        result: Result<HttpResponse, HttpFailure>,
        mut tags: Vec<Tag>,
    ) {
        if let Ok(response) = &result {
            tags.extend(what_it_says(request, response));
        }
        let ms = self.draw(1, 40);
        let now = self.now;
        let Some(seat) = self.seats.get_mut(index) else { return };
        let line = &mut seat.line;
        let straggler = line.straggler.take();
        let slow = if line.slow.0 > now { line.slow.1 } else { 0 };
        let mut at = (now + ms + slow).max(line.cut_down_until);
        let mut result = result;
        let is_command = is_command(request);
        if line.lose_answer && is_command && result.as_ref().is_ok_and(|answer| answer.status < 300) {
            line.lose_answer = false;
            let is_awaited =
                seat.life == life && seat.app.as_ref().is_some_and(|app| app.requests.contains(&id));
            if is_awaited {
                self.inject(Fault::AnswerLost);
            }
            return; // The time-out tells.
        }
        let is_snapshot = request.method == Method::Get && request.url.ends_with("/deliveries");
        if is_snapshot
            && line.cut_snapshot.0 > 0
            && let Ok(answer) = &mut result
            && answer.status == 200
        {
            line.cut_snapshot.0 -= 1;
            let broken = line.cut_snapshot.1;
            seat.told.spoilt += 1;
            answer.body.truncate(answer.body.len() / 2);
            tags.push(Tag::By(Fault::SnapshotCut));
            if broken {
                result = Err(HttpFailure::Broken("the body ended early".to_owned()));
            }
        } else if is_snapshot && line.change_during > 0 && result.as_ref().is_ok_and(|a| a.status == 200) {
            let count = std::mem::take(&mut line.change_during);
            at += 600;
            if let Some(center) = center_of(&request.url) {
                let rev = self.hub.board(&center).map(|board| board.standing().rev);
                tags.extend(rev.map(|rev| Tag::Snapshot(center.clone(), rev)));
                for nth in 0..u64::from(count) {
                    let work =
                        [crate::plan::Work::Advance, crate::plan::Work::Create, crate::plan::Work::Note];
                    let work = work.get(usize::try_from(nth % 3).unwrap_or(0)).copied();
                    let work = work.unwrap_or(crate::plan::Work::Note);
                    self.after(20 + 37 * nth, Event::Works { center: center.clone(), work, pick: nth * 7 });
                }
            }
        }
        let arrival = Arrival::Http(id, result, tags);
        self.at_ms(at, Event::Arrives { seat: index, life, arrival });
        let socket =
            self.seats.get(index).and_then(|seat| seat.app.as_ref()?.sockets.values().next().copied());
        if let (Some(text), Some(conn)) = (straggler, socket) {
            let tags = vec![Tag::By(Fault::Reorder)];
            let arrival = Arrival::Socket(conn, SocketEvent::Text(text), tags);
            self.at_ms(at, Event::Arrives { seat: index, life, arrival });
        }
    }
}

/// What an answer tells about a center's cursor.
fn what_it_says(request: &HttpRequest, response: &HttpResponse) -> Vec<Tag> {
    let Some(center) = center_of(&request.url) else { return Vec::new() };
    let is_word = ["/changes?", "/digest?"].iter().any(|path| request.url.contains(path));
    let says = |reason: &str| String::from_utf8_lossy(&response.body).contains(reason);
    match response.status {
        410 if says("\"ahead\"") => vec![Tag::Ahead(center)],
        410 if says("\"floor\"") => vec![Tag::By(Fault::UnderFloor), Tag::Resync(center)],
        410 => vec![Tag::Resync(center)],
        200 if is_word => vec![Tag::Word(center)],
        _ => Vec::new(),
    }
}

/// Whether a request is to change a delivery.
pub(super) fn is_command(request: &HttpRequest) -> bool {
    request.method == Method::Post && request.url.contains("/deliveries")
}

/// Whether a request is one that all make at once when they come back.
fn wants_in(request: &HttpRequest) -> bool {
    ["/login", "/login/refresh", "/socket-tickets"].iter().any(|path| request.url.ends_with(path))
}

fn told(status: u16, code: ErrorCode, retry_after_s: Option<u64>) -> HttpResponse {
    let body =
        json!({ "type": "about:blank", "title": "no", "status": status, "code": code, "detail": "not now" });
    HttpResponse {
        status,
        retry_after_s,
        etag: None,
        body: serde_json::to_vec(&body).unwrap_or_default(),
        ..HttpResponse::default()
    }
}

/// Writes as a node of a newer version does: with unknown fields, and an unknown status in every third row.
pub(super) fn dress(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(dress),
        Value::Object(fields) => {
            let is_row =
                fields.contains_key("status") && fields.contains_key("rev") && fields.contains_key("shop");
            if is_row {
                let third = fields.get("id").and_then(Value::as_u64).is_some_and(|id| id % 3 == 0);
                let status = fields.get("status").and_then(Value::as_str).unwrap_or_default();
                if third && (status == "waiting" || status == "assigned") {
                    fields.insert("status".to_owned(), Value::from("onHold"));
                }
                fields.insert("fleet".to_owned(), json!({ "drone": true }));
            } else {
                fields.values_mut().for_each(dress);
                fields.insert("newer".to_owned(), Value::from(2));
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
