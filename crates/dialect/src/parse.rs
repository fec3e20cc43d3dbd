//! From the file to a [`Dialect`]: one function a section. What is not asked for is refused, at its place.

mod fields;
mod socket;
mod table;

use crate::dialect::{
    ClockSource, Dialect, FollowedCenter, Pages, RequestAuth, Server, SnapshotRule, Socket,
};
use crate::error::DialectError;
use crate::event::{EventRule, Means};
use crate::path::JsonPath;
use crate::secret::Secret;
use crate::time::{TimeFormat, Zone};
use gwanje_model::{Status, UtcMillis};
use std::ops::Range;
use table::Table;
use toml::de::DeTable;

/// No person writes a longer file.
const MAX_BYTES: usize = 256 << 10;
/// The only version so far.
const VERSION: u64 = 1;

type Parsed<T> = Result<T, DialectError>;

impl Dialect {
    /// Reads a dialect file.
    ///
    /// # Errors
    /// When it is no dialect: with line, column and reason.
    pub fn parse(text: &str) -> Result<Self, DialectError> {
        dialect(text)
    }
}

fn dialect(text: &str) -> Parsed<Dialect> {
    if text.len() > MAX_BYTES {
        return Err(DialectError::at(
            text,
            &(0..0),
            format!("a dialect is no longer than {MAX_BYTES} bytes"),
        ));
    }
    let root = DeTable::parse(text).map_err(|error| {
        let end = text.len();
        let span = error.span().unwrap_or(end..end);
        DialectError::at(text, &span, error.message().lines().collect::<Vec<_>>().join(" "))
    })?;
    let mut root = Table::root(text, &root);
    let version = root.integer("version", VERSION..=VERSION)?;
    if version.is_none() {
        return Err(root.error("`version = 1` is missing at the top"));
    }
    let name = root.required_text("name")?;
    let mut center_table = root.required_table("center")?;
    let center = center(&mut center_table)?;
    center_table.finish()?;
    let mut server_table = root.required_table("server")?;
    let server = server(&mut server_table)?;
    server_table.finish()?;
    let auth = match root.table("auth")? {
        Some(mut table) => {
            let auth = auth(&mut table)?;
            table.finish()?;
            auth
        }
        None => RequestAuth::default(),
    };
    let mut snapshot_table = root.required_table("snapshot")?;
    let snapshot = snapshot(&mut snapshot_table, &center)?;
    snapshot_table.finish()?;
    let socket = match root.table("socket")? {
        Some(mut table) => {
            let socket = socket::socket(&mut table)?;
            table.finish()?;
            Some(socket)
        }
        None => None,
    };
    let events = events(&mut root, socket.as_ref().map(|(socket, _)| socket))?;
    let (socket, event_name) = socket.map_or((None, None), |(socket, name)| (Some(socket), name));
    let (time_format, zone, clock) = match root.table("times")? {
        Some(mut table) => {
            let times = times(&mut table, &center)?;
            table.finish()?;
            times
        }
        None => (TimeFormat::Rfc3339, center.zone.clone(), ClockSource::Wall),
    };
    let rows = fields::rows(&mut root, time_format, zone, &events)?;
    root.finish()?;
    Ok(Dialect { name, center, server, auth, snapshot, socket, events, event_name, rows, clock })
}

fn center(table: &mut Table<'_>) -> Parsed<FollowedCenter> {
    let id = table.required_text("id")?;
    let name = table.text("name")?.map_or_else(|| id.clone(), |(name, _)| name);
    let (zone, span) = table.text("zone")?.unwrap_or_else(|| ("Asia/Seoul".to_owned(), table.span()));
    let zone = zone_of(table, &zone, &span)?;
    Ok(FollowedCenter { id: id.into(), name, zone })
}

fn zone_of(table: &Table<'_>, name: &str, span: &Range<usize>) -> Parsed<Zone> {
    Zone::of(name).ok_or_else(|| {
        table.error_at(span, format!("{name:?} is no time zone; write an IANA name such as Asia/Seoul"))
    })
}

fn server(table: &mut Table<'_>) -> Parsed<Server> {
    let single = table.text("url")?;
    let many = table.texts("urls")?;
    let (urls, span) = match (single, many) {
        (Some((url, span)), None) => (vec![url], span),
        (None, Some((urls, span))) => (urls, span),
        (Some(_), Some((_, span))) => {
            return Err(table.error_at(&span, "`url` and `urls` contradict each other; keep one"));
        }
        (None, None) => return Err(table.error("`url` is missing")),
    };
    if urls.is_empty() {
        return Err(table.error_at(&span, "`urls` names no server"));
    }
    let urls: Option<Vec<String>> = urls.iter().map(|url| base_url(url)).collect();
    let urls = urls.ok_or_else(|| {
        table.error_at(
            &span,
            "a server is written http://HOST:PORT or https://HOST, with a path before its own at most",
        )
    })?;
    let timeout_ms = table.seconds("timeoutSeconds", 10.0, 1.0..=120.0)?;
    let charset = match table.text("charset")? {
        Some((name, span)) => {
            if gwanje_reading::charset(&name).is_none() {
                return Err(
                    table.error_at(&span, format!("{name:?} is no charset; write utf-8, euc-kr, cp949 …"))
                );
            }
            Some(name)
        }
        None => None,
    };
    Ok(Server { urls, timeout_ms, charset })
}

fn base_url(url: &str) -> Option<String> {
    let url = url.trim_end_matches('/');
    let host = url.strip_prefix("http://").or_else(|| url.strip_prefix("https://"))?;
    let is_plain = !host.is_empty()
        && !host.starts_with('/')
        && !host.contains(|c: char| c.is_whitespace() || c.is_control() || matches!(c, '?' | '#' | '@'));
    is_plain.then(|| url.to_owned())
}

fn auth(table: &mut Table<'_>) -> Parsed<RequestAuth> {
    let mut headers = Vec::new();
    for (name, value, span) in table.text_map("headers")? {
        let is_token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
        if name.is_empty() || !name.chars().all(is_token) {
            return Err(table.error_at(&span, format!("{name:?} can't be a header's name")));
        }
        if value.chars().any(|c| c.is_control() || !c.is_ascii()) {
            return Err(table.error_at(&span, "a header's value holds printable ASCII only"));
        }
        let name = name.to_ascii_lowercase();
        if OWN_HEADERS.contains(&name.as_str()) {
            return Err(table.error_at(&span, format!("the header {name:?} is set by the client itself")));
        }
        headers.push((name, secret(table, value, &span)?));
    }
    let mut query = Vec::new();
    for (name, value, span) in table.text_map("query")? {
        query.push((name, secret(table, value, &span)?));
    }
    Ok(RequestAuth { headers, query })
}

/// Headers that a dialect can't set: they belong to the connection, or to how lists are compared.
const OWN_HEADERS: [&str; 8] = [
    "host",
    "connection",
    "upgrade",
    "content-length",
    "transfer-encoding",
    "if-none-match",
    "accept-encoding",
    "sec-websocket-protocol",
];

fn secret(table: &Table<'_>, value: String, span: &Range<usize>) -> Parsed<Secret> {
    Secret::new(value).map_err(|why| table.error_at(span, why))
}

fn snapshot(table: &mut Table<'_>, center: &FollowedCenter) -> Parsed<SnapshotRule> {
    let (path, span) = table.required("path")?;
    check_path(table, &path, &span, &["date", "center"])?;
    let date_format = match table.text("dateFormat")? {
        Some((format, span)) => {
            let written = center.zone.write(&format, UtcMillis(0), 0);
            if written.is_none_or(|written| written.is_empty()) {
                return Err(
                    table.error_at(&span, format!("{format:?} is no pattern of a date; write %Y-%m-%d"))
                );
            }
            format
        }
        None => "%Y-%m-%d".to_owned(),
    };
    let has_date = path.contains("{date}");
    let days = match table.integer_at("days", 1..=7)? {
        Some((days, span)) if days > 1 && !has_date => {
            return Err(table.error_at(&span, "several days need {date} in `path`"));
        }
        Some((days, _)) => u32::try_from(days).unwrap_or(1),
        None => 1,
    };
    let rows = table.path("rows")?.unwrap_or_else(JsonPath::whole);
    let poll_ms = table.seconds("pollSeconds", 120.0, 1.0..=3_600.0)?;
    let fallback_poll_ms = table.seconds("fallbackPollSeconds", 3.0, 1.0..=600.0)?;
    let etag = table.flag("etag")?;
    let pages = match table.table("pages")? {
        Some(mut pages) => {
            let parameter = pages.required_text("parameter")?;
            let first = pages.integer("first", 0..=1)?.unwrap_or(1);
            let rows = pages.integer("rows", 1..=100_000)?;
            let rows =
                rows.ok_or_else(|| pages.error("`rows`, the number of rows of a full page, is missing"))?;
            pages.finish()?;
            Some(Pages { parameter, first, rows })
        }
        None => None,
    };
    if let Some((true, span)) = &etag
        && (days > 1 || pages.is_some())
    {
        let why =
            "`etag` can't vouch for a list that takes several requests; remove it, or `days` and `pages`";
        return Err(table.error_at(span, why));
    }
    let etag = etag.map_or(days == 1 && pages.is_none(), |(etag, _)| etag);
    Ok(SnapshotRule { path, date_format, days, rows, etag, poll_ms, fallback_poll_ms, pages })
}

/// A path of a URL, with its placeholders.
fn check_path(table: &Table<'_>, path: &str, span: &Range<usize>, placeholders: &[&str]) -> Parsed<()> {
    let is_plain = path.starts_with('/')
        && !path.starts_with("//")
        && !path.contains(|c: char| c.is_whitespace() || c.is_control() || c == '#');
    if !is_plain {
        return Err(table.error_at(span, "a path begins with / and holds no white space and no #"));
    }
    let mut rest = path;
    while let Some((_, after)) = rest.split_once('{') {
        let (name, after) = after.split_once('}').unwrap_or((after, ""));
        if !placeholders.contains(&name) {
            let known: Vec<String> = placeholders.iter().map(|name| format!("{{{name}}}")).collect();
            let known = if known.is_empty() { "nothing".to_owned() } else { known.join(" and ") };
            return Err(table.error_at(span, format!("{{{name}}} can't be put in here; {known} can")));
        }
        rest = after;
    }
    Ok(())
}

fn times(table: &mut Table<'_>, center: &FollowedCenter) -> Parsed<(TimeFormat, Zone, ClockSource)> {
    let format = match table.text("format")? {
        Some((format, span)) => TimeFormat::parse(&format).map_err(|why| table.error_at(&span, why))?,
        None => TimeFormat::Rfc3339,
    };
    let zone = match table.text("zone")? {
        Some((zone, span)) => zone_of(table, &zone, &span)?,
        None => center.zone.clone(),
    };
    let clock = table.choice("clock", &[("wall", ClockSource::Wall), ("rows", ClockSource::Rows)])?;
    Ok((format, zone, clock.unwrap_or(ClockSource::Wall)))
}

fn events(root: &mut Table<'_>, socket: Option<&Socket>) -> Parsed<Vec<EventRule>> {
    let mut rules: Vec<EventRule> = Vec::new();
    let span = root.span_of("event");
    for mut table in root.tables("event")? {
        let name = table.text("name")?;
        let means =
            [("row", Means::Row), ("rows", Means::Rows), ("gone", Means::Gone), ("nothing", Means::Nothing)];
        let means = table.choice("means", &means)?.unwrap_or(Means::Row);
        let at = table.path("at")?.unwrap_or_else(JsonPath::whole);
        let argument = table.integer("argument", 1..=16)?.and_then(|n| usize::try_from(n).ok()).unwrap_or(1);
        let id = table.path("id")?;
        let status = match table.text("status")? {
            Some((word, span)) => Some(Status::parse(&word).ok_or_else(|| {
                table.error_at(&span, format!("{word:?} is no status of ours; {}", our_statuses()))
            })?),
            None => None,
        };
        let partial = table.flag("partial")?;
        match (means, status, &partial) {
            (Means::Row, _, _) | (Means::Rows, None, _) | (Means::Gone | Means::Nothing, None, None) => {}
            (Means::Rows, Some(_), _) => {
                return Err(table.error("a partial list has rows of many statuses; remove `status`"));
            }
            (Means::Gone | Means::Nothing, _, _) => {
                return Err(
                    table.error("`status` and `partial` mean nothing where no row comes; remove them")
                );
            }
        }
        let partial = partial.is_some_and(|(partial, _)| partial);
        let twin =
            rules.iter().any(|rule| rule.name.as_deref() == name.as_ref().map(|(name, _)| name.as_str()));
        if twin {
            return Err(table.error("there is another [[event]] of this name; keep one"));
        }
        table.finish()?;
        rules.push(EventRule { name: name.map(|(name, _)| name), means, at, argument, id, status, partial });
    }
    match (socket, span, rules.is_empty()) {
        (None, Some(span), _) => Err(root.error_at(&span, "[[event]] without a [socket] that brings events")),
        (Some(_), _, true) => {
            Err(root.error("a [socket] needs at least one [[event]] that says what it brings"))
        }
        (Some(_), _, false) | (None, None, _) => Ok(rules),
    }
}

fn our_statuses() -> String {
    format!("ours are {}", Status::ALL.map(Status::as_str).join(", "))
}
