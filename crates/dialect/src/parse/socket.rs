//! The `[socket]` of a dialect file: one of three kinds, each with keys of its own.

use super::table::Table;
use super::{Parsed, check_path, secret};
use crate::dialect::{PlainPing, Socket, SocketIo, SocketIoEmit, Stomp, WebSocket};
use crate::path::JsonPath;
use crate::secret::{Secret, SecretJson};
use serde_json::{Value, json};
use std::ops::Range;

#[derive(Clone, Copy)]
enum Kind {
    SocketIo,
    Stomp,
    WebSocket,
}

/// The socket, and where a message's name lies.
pub(super) fn socket(table: &mut Table<'_>) -> Parsed<(Socket, Option<JsonPath>)> {
    let kinds = [("socket.io", Kind::SocketIo), ("stomp", Kind::Stomp), ("websocket", Kind::WebSocket)];
    let kind = table.choice("kind", &kinds)?;
    match kind.ok_or_else(|| table.error("`kind` is missing: socket.io, stomp or websocket"))? {
        Kind::SocketIo => Ok((Socket::SocketIo(socket_io(table)?), None)),
        Kind::Stomp => {
            let stomp = stomp(table)?;
            Ok((Socket::Stomp(stomp), table.path("eventName")?))
        }
        Kind::WebSocket => {
            let plain = plain(table)?;
            Ok((Socket::WebSocket(plain), table.path("eventName")?))
        }
    }
}

fn path(table: &mut Table<'_>, default: &str) -> Parsed<String> {
    let Some((path, span)) = table.text("path")? else { return Ok(default.to_owned()) };
    check_path(table, &path, &span, &[])?;
    Ok(path)
}

fn socket_io(table: &mut Table<'_>) -> Parsed<SocketIo> {
    let path = path(table, "/socket.io/")?;
    let engine = table.integer("engine", 3..=4)?.map_or(4, |engine| if engine == 3 { 3 } else { 4 });
    let namespace = match table.text("namespace")? {
        Some((namespace, span)) => {
            if !namespace.starts_with('/') || namespace.contains([',', '?']) {
                let why = "a namespace begins with / and holds neither a comma nor a question mark";
                return Err(table.error_at(&span, why));
            }
            namespace
        }
        None => "/".to_owned(),
    };
    let auth = match table.json("auth")? {
        Some((auth @ Value::Object(_), span)) => json_of(table, auth, &span)?,
        Some((_, span)) => {
            return Err(table.error_at(&span, "`auth` is a table, such as { token = \"${TOKEN}\" }"));
        }
        None => json_of(table, json!({}), &table.span())?,
    };
    let mut emit = Vec::new();
    for mut table in table.tables("emit")? {
        let event = table.required_text("event")?;
        let data = match table.json("data")? {
            Some((data, span)) => json_of(&table, data, &span)?,
            None => json_of(&table, Value::Null, &table.span())?,
        };
        table.finish()?;
        emit.push(SocketIoEmit { event, data });
    }
    Ok(SocketIo { path, engine, namespace, auth, emit })
}

fn json_of(table: &Table<'_>, value: Value, span: &Range<usize>) -> Parsed<SecretJson> {
    SecretJson::new(value).map_err(|why| table.error_at(span, why))
}

fn stomp(table: &mut Table<'_>) -> Parsed<Stomp> {
    let path = path(table, "/ws")?;
    let host = table.text("host")?.map_or_else(|| "/".to_owned(), |(host, _)| host);
    let login = optional_secret(table, "login")?;
    let passcode = optional_secret(table, "passcode")?;
    let heart_beat_ms = table.seconds("heartBeatSeconds", 5.0, 0.0..=300.0)?;
    let destinations = table.words("destinations")?;
    let destinations =
        destinations.ok_or_else(|| table.error("`destinations`, what to subscribe to, is missing"))?.0;
    Ok(Stomp { path, host, login, passcode, heart_beat_ms, destinations })
}

fn optional_secret(table: &mut Table<'_>, key: &'static str) -> Parsed<Option<Secret>> {
    let Some((text, span)) = table.text(key)? else { return Ok(None) };
    secret(table, text, &span).map(Some)
}

fn plain(table: &mut Table<'_>) -> Parsed<WebSocket> {
    let path = path(table, "/")?;
    let hello = match table.json("hello")? {
        Some((Value::Array(messages), span)) => {
            messages.into_iter().map(|message| json_of(table, message, &span)).collect::<Parsed<_>>()?
        }
        Some((_, span)) => return Err(table.error_at(&span, "`hello` is a list of messages")),
        None => Vec::new(),
    };
    let every_ms = table.seconds("pingSeconds", 5.0, 1.0..=300.0)?;
    let text = table.text("ping")?.map(|(text, _)| text);
    let silence = table.decimal("silenceSeconds", 2.0..=900.0)?;
    let silence_ms = silence.map_or(every_ms * 2 + 3_000, |seconds| (seconds * 1_000.0).round() as u64);
    if silence_ms <= every_ms {
        return Err(table.error(
            "`silenceSeconds` must be longer than `pingSeconds`, or every pause is taken for a death",
        ));
    }
    let keep_alives = table.words("keepAlive")?.map(|(texts, _)| texts).unwrap_or_default();
    let pong = table.text("pong")?.map(|(text, _)| text);
    Ok(WebSocket { path, hello, ping: PlainPing { every_ms, text }, silence_ms, keep_alives, pong })
}
