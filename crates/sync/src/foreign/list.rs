//! The list's requests: one at a time; several days and pages make one list.

use super::servers::Visit;
use crate::io::{Action, HttpFailure, HttpRequest, HttpResponse, LinkReason, Method, Mono, Now, RequestId};
use crate::session::Asked;
use crate::stats::Cost;
use gwanje_dialect::Dialect;
use gwanje_reading::Mended;
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
    /// It came whole, with its ETag, and what had to be mended to read it.
    Listed(Asked, Vec<Value>, Option<String>, Mended),
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
    mended: Mended,
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
            mended: Mended::default(),
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
                let why = match failure {
                    HttpFailure::Refused(why) | HttpFailure::Broken(why) => why,
                    HttpFailure::TimedOut => {
                        format!("no answer within {} s", self.dialect.server.timeout_ms / 1_000)
                    }
                };
                let reason = format!("the list at {}: {why}", self.address(&run)).into();
                Some(ListOutcome::Failed { reason, retry_after_s: None, unreachable: true })
            }
        };
        Some((visit, cost, outcome))
    }

    fn response(&mut self, mut run: Run, response: HttpResponse, now: Now) -> Option<ListOutcome> {
        let address = self.address(&run);
        let failed = |reason: &str, retry_after_s| {
            let reason = format!("the list at {address} {reason}").into();
            Some(ListOutcome::Failed { reason, retry_after_s, unreachable: false })
        };
        match response.status {
            200 => {}
            304 if run.asked.etag.is_some() => return Some(ListOutcome::Unchanged(run.asked)),
            401 => return Some(ListOutcome::Refused(ErrorCode::Unauthorized)),
            403 => return Some(ListOutcome::Refused(ErrorCode::Forbidden)),
            status => {
                let mut reason = format!("was answered with status {status}");
                if let Some(to) =
                    response.location.as_deref().map(without_query).filter(|_| (300..400).contains(&status))
                {
                    reason.push_str(&format!(", which points to {to}; write that address into the dialect"));
                }
                return failed(&reason, response.retry_after_s);
            }
        }
        let decoded = gwanje_reading::text(&response.body, self.charset(&response).as_deref());
        let mut answer = match gwanje_reading::values(&decoded.text, decoded.is_cut) {
            Ok((answer, mended)) => {
                run.mended.merge(mended);
                answer
            }
            Err(error) => {
                let (line, column) = (error.line(), error.column());
                let what = match decoded.text.trim_start().chars().next() {
                    None => "it is empty".to_owned(),
                    Some('<') => "it is a page, or XML".to_owned(),
                    Some(_) => format!("line {line}, column {column}"),
                };
                return failed(&format!("can't be read as JSON ({what}; charset {})", decoded.charset), None);
            }
        };
        let Some(rows) = self.dialect.take_listed(&mut answer) else {
            let place = &self.dialect.snapshot.rows;
            return failed(&format!("holds no list where the dialect says it lies ({place})"), None);
        };
        let count = rows.len() as u64;
        if run.rows.len() + rows.len() > ROWS_MAX {
            return failed("is longer than any board", None);
        }
        let is_again = run.rows.ends_with(&rows);
        run.rows.extend(rows);
        if let Some((pages, page)) = self.dialect.snapshot.pages.as_ref().zip(run.page) {
            if count >= pages.rows {
                if is_again && page > pages.first {
                    return failed("has a page that is the page before once more", None);
                }
                if page - pages.first >= PAGES_MAX {
                    return failed("has too many pages", None);
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
        Some(ListOutcome::Listed(run.asked, run.rows, response.etag, run.mended))
    }

    /// Where the list is asked for, without what may be secret.
    fn address(&self, run: &Run) -> String {
        let path = self.dialect.list_path(run.asked.at.wall, run.days, None);
        format!("{}{}", run.base, without_query(&path))
    }

    /// What says the charset: the answer, or the dialect.
    fn charset(&self, response: &HttpResponse) -> Option<String> {
        let told =
            response.content_type.as_ref().filter(|told| told.to_ascii_lowercase().contains("charset"));
        told.cloned()
            .or_else(|| Some(format!("application/json; charset={}", self.dialect.server.charset.as_ref()?)))
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

/// An address without its query, which may hold secrets.
fn without_query(address: &str) -> &str {
    address.split_once(['?', '#']).map_or(address, |(path, _)| path)
}
