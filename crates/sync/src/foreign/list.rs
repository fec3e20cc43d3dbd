//! The list's requests: one at a time; several days and pages make one list.

use super::servers::Visit;
use crate::io::{Action, HttpFailure, HttpRequest, HttpResponse, LinkReason, Method, Mono, Now, RequestId};
use crate::session::Asked;
use crate::stats::Cost;
use gwanje_dialect::Dialect;
use gwanje_wire::ErrorCode;
use serde_json::Value;
use std::collections::VecDeque;
use std::sync::Arc;

/// Pages of a day at most: a server that never ends its list is given up.
const PAGES_MAX: u64 = 1_000;
/// Rows of a list at most: ten times the greatest board.
const ROWS_MAX: usize = 1_000_000;

/// How a list ended.
#[derive(Debug)]
pub(super) enum ListOutcome {
    /// It came whole, with its ETag.
    Listed(Asked, Vec<Value>, Option<String>),
    /// It is what it was.
    Unchanged(Asked),
    /// The server refuses it.
    Refused(ErrorCode),
    /// It did not come.
    Failed {
        reason: LinkReason,
        retry_after_s: Option<u64>,
        /// Nobody answered at all.
        unreachable: bool,
    },
}

/// A list under way.
#[derive(Debug)]
struct Run {
    request: RequestId,
    asked: Asked,
    /// Of which server.
    visit: Visit,
    base: String,
    /// When the present request was sent, and how many bytes its address has.
    sent: (Mono, u64),
    days: u32,
    page: Option<u64>,
    rows: Vec<Value>,
}

/// See the module's doc.
#[derive(Debug)]
pub(super) struct Lists {
    dialect: Arc<Dialect>,
    run: Option<Run>,
    next_request: u64,
    out: VecDeque<Action>,
}

impl Lists {
    pub(super) fn new(dialect: Arc<Dialect>) -> Self {
        Self { dialect, run: None, next_request: 0, out: VecDeque::new() }
    }

    /// Asks for the list.
    pub(super) fn begin(&mut self, asked: Asked, visit: Visit, base: &str, now: Now) {
        self.stop();
        let page = self.dialect.snapshot.pages.as_ref().map(|pages| pages.first);
        let run = Run {
            request: RequestId(0),
            asked,
            visit,
            base: base.to_owned(),
            sent: (now.mono, 0),
            days: 0,
            page,
            rows: Vec::new(),
        };
        self.ask(run, now);
    }

    /// Nobody wants it any more.
    pub(super) fn stop(&mut self) {
        if let Some(run) = self.run.take() {
            self.out.push_back(Action::DropHttp(run.request));
        }
    }

    pub(super) fn poll_action(&mut self) -> Option<Action> {
        self.out.pop_front()
    }

    /// An answer came: of which server, what it took, and how the list ended if it has. None: nobody waits for it.
    pub(super) fn answered(
        &mut self,
        request: RequestId,
        result: Result<HttpResponse, HttpFailure>,
        now: Now,
    ) -> Option<(Visit, Cost, Option<ListOutcome>)> {
        let run = self.run.take_if(|run| run.request == request)?;
        let (visit, (sent, bytes_out)) = (run.visit, run.sent);
        let mut cost = Cost { bytes_out, bytes_in: 0, ms: Some(now.mono.since(sent)), failed: true };
        let outcome = match result {
            Ok(response) => {
                cost.bytes_in = response.body.len() as u64;
                cost.failed = !matches!(response.status, 200 | 304);
                self.response(run, response, now)
            }
            Err(failure) => {
                let reason = match failure {
                    HttpFailure::Refused(why) | HttpFailure::Broken(why) => why.into(),
                    HttpFailure::TimedOut => "no answer in time".into(),
                };
                Some(ListOutcome::Failed { reason, retry_after_s: None, unreachable: true })
            }
        };
        Some((visit, cost, outcome))
    }

    fn response(&mut self, mut run: Run, response: HttpResponse, now: Now) -> Option<ListOutcome> {
        let failed = |reason: &str, retry_after_s| {
            Some(ListOutcome::Failed { reason: reason.into(), retry_after_s, unreachable: false })
        };
        match response.status {
            200 => {}
            304 if run.asked.etag.is_some() => return Some(ListOutcome::Unchanged(run.asked)),
            401 => return Some(ListOutcome::Refused(ErrorCode::Unauthorized)),
            403 => return Some(ListOutcome::Refused(ErrorCode::Forbidden)),
            status => {
                let reason = format!("the list was answered with status {status}");
                return failed(&reason, response.retry_after_s);
            }
        }
        let Ok(mut answer) = serde_json::from_slice::<Value>(&response.body) else {
            return failed("the list can't be read as JSON", None);
        };
        let Some(rows) = self.dialect.take_listed(&mut answer) else {
            return failed("the answer holds no list where the dialect says it lies", None);
        };
        let count = rows.len() as u64;
        if run.rows.len() + rows.len() > ROWS_MAX {
            return failed("the list is longer than any board", None);
        }
        let is_again = run.rows.ends_with(&rows);
        run.rows.extend(rows);
        if let Some((pages, page)) = self.dialect.snapshot.pages.as_ref().zip(run.page) {
            if count >= pages.rows {
                if is_again && page > pages.first {
                    return failed("a page of the list is the page before once more", None);
                }
                if page - pages.first >= PAGES_MAX {
                    return failed("the list has too many pages", None);
                }
                run.page = Some(page + 1);
                self.ask(run, now);
                return None;
            }
            run.page = Some(pages.first);
        }
        run.days += 1;
        if run.days < self.dialect.snapshot.days {
            self.ask(run, now);
            return None;
        }
        Some(ListOutcome::Listed(run.asked, run.rows, response.etag))
    }

    fn ask(&mut self, mut run: Run, now: Now) {
        run.request = RequestId(self.next_request);
        self.next_request += 1;
        let mut headers = vec![("accept", "application/json".to_owned())];
        if let Some(etag) = &run.asked.etag {
            headers.push(("if-none-match", etag.clone()));
        }
        // All requests of one list are for the day on which it was asked for.
        let path = self.dialect.list_path(run.asked.at.wall, run.days, run.page);
        let url = format!("{}{path}", run.base);
        run.sent = (now.mono, url.len() as u64);
        let request = HttpRequest {
            method: Method::Get,
            url,
            headers,
            body: None,
            timeout_ms: self.dialect.server.timeout_ms,
        };
        self.out.push_back(Action::Http(run.request, request));
        self.run = Some(run);
    }
}
