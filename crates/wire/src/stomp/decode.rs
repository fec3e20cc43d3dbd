//! Reading frames out of bytes that may be cut anywhere.

use super::{Command, Frame, MAX_BODY_BYTES, MAX_HEADERS, MAX_LINE_BYTES, Side, StompError};

/// What was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Incoming {
    /// A frame.
    Frame(Frame),
    /// An end of line between frames. It only says that the other side is there.
    HeartBeat,
}

/// Reads one direction of a connection. It keeps at most one unfinished frame.
#[derive(Debug)]
pub struct Decoder {
    from: Side,
    state: State,
    body_max: usize,
}

#[derive(Debug)]
enum State {
    /// Between frames; true after a CR whose LF has not come yet.
    Between { cr: bool },
    /// In the line of the command.
    Command { line: Vec<u8> },
    /// In the header lines.
    Headers { line: Vec<u8>, frame: Unfinished },
    /// In the body.
    Body(Unfinished),
    /// An error was told; nothing is read any more.
    GivenUp,
}

#[derive(Debug)]
struct Unfinished {
    frame: Frame,
    /// From `content-length`; without it the body ends at the first NUL.
    body_bytes: Option<usize>,
    /// Header lines so far, `content-length` included.
    lines: usize,
}

impl Decoder {
    /// For what `from` sends.
    #[must_use]
    pub fn new(from: Side) -> Self {
        Self { from, state: State::Between { cr: false }, body_max: MAX_BODY_BYTES }
    }

    /// With another bound of a body's bytes: for brokers that are not ours.
    #[must_use]
    pub fn with_body_max(self, bytes: usize) -> Self {
        Self { body_max: bytes, ..self }
    }

    /// Takes the next frame or heart-beat off the front of `input`; `None` when all of it is used up. What is
    /// unfinished goes on with the next input.
    ///
    /// # Errors
    /// When the bytes are no STOMP 1.2, or pass a bound. Every later call is an error, too.
    pub fn read(&mut self, input: &mut &[u8]) -> Result<Option<Incoming>, StompError> {
        loop {
            if input.is_empty() && !matches!(self.state, State::GivenUp) {
                return Ok(None);
            }
            // An error leaves GivenUp behind.
            let state = std::mem::replace(&mut self.state, State::GivenUp);
            let (state, incoming) = match state {
                State::Between { cr } => between(cr, input)?,
                State::Command { line } => self.command(line, input)?,
                State::Headers { line, frame } => header(line, frame, input, self.body_max)?,
                State::Body(frame) => body(frame, input, self.body_max)?,
                State::GivenUp => return Err(StompError::GivenUp),
            };
            self.state = state;
            if incoming.is_some() {
                return Ok(incoming);
            }
        }
    }

    fn command(&self, mut line: Vec<u8>, input: &mut &[u8]) -> Step {
        if !take_line(&mut line, input)? {
            return Ok((State::Command { line }, None));
        }
        let command = Command::ALL
            .into_iter()
            .find(|command| command.as_str().as_bytes() == line)
            .ok_or(StompError::UnknownCommand(line.len()))?;
        if command.sender() != self.from {
            return Err(StompError::WrongSide(command));
        }
        let frame = Unfinished { frame: Frame::new(command), body_bytes: None, lines: 0 };
        Ok((State::Headers { line: Vec::new(), frame }, None))
    }
}

/// The state after a piece of input, and what it completed.
type Step = Result<(State, Option<Incoming>), StompError>;

fn between(cr: bool, input: &mut &[u8]) -> Step {
    match input.split_first() {
        Some((b'\n', rest)) => {
            *input = rest;
            Ok((State::Between { cr: false }, Some(Incoming::HeartBeat)))
        }
        Some((b'\r', rest)) if !cr => {
            *input = rest;
            Ok((State::Between { cr: true }, None))
        }
        Some(_) if cr => Err(StompError::StrayReturn),
        Some(_) | None => Ok((State::Command { line: Vec::new() }, None)),
    }
}

fn header(mut line: Vec<u8>, mut unfinished: Unfinished, input: &mut &[u8], max: usize) -> Step {
    if !take_line(&mut line, input)? {
        return Ok((State::Headers { line, frame: unfinished }, None));
    }
    if !line.is_empty() {
        unfinished.add(&line)?;
        line.clear();
        return Ok((State::Headers { line, frame: unfinished }, None));
    }
    let Frame { command, .. } = unfinished.frame;
    for header in command.required() {
        if unfinished.frame.header(header).is_none() {
            return Err(StompError::Missing { command, header });
        }
    }
    if let Some(bytes) = unfinished.body_bytes {
        if bytes > 0 && !command.has_body() {
            return Err(StompError::Malformed { command, what: "a body where none may be" });
        }
        if bytes > max {
            return Err(too_large(max));
        }
    }
    Ok((State::Body(unfinished), None))
}

fn too_large(limit: usize) -> StompError {
    StompError::TooLarge { what: "a body's bytes", limit }
}

fn body(mut unfinished: Unfinished, input: &mut &[u8], max: usize) -> Step {
    let Unfinished { frame: Frame { command, body, .. }, body_bytes, .. } = &mut unfinished;
    let missing = body_bytes.map(|bytes| bytes.saturating_sub(body.len()));
    let piece = match missing {
        Some(missing) => missing.min(input.len()),
        None => input.iter().position(|byte| *byte == 0).unwrap_or(input.len()),
    };
    let (piece, rest) = input.split_at_checked(piece).unwrap_or((input, &[]));
    if !command.has_body() && !piece.is_empty() {
        return Err(StompError::Malformed { command: *command, what: "a body where none may be" });
    }
    if body.len() + piece.len() > max {
        return Err(too_large(max));
    }
    body.extend_from_slice(piece);
    *input = rest;
    match rest.split_first() {
        Some((0, rest)) => {
            *input = rest;
            Ok((State::Between { cr: false }, Some(Incoming::Frame(unfinished.frame))))
        }
        Some(_) => {
            Err(StompError::Malformed { command: *command, what: "no NUL where its content-length ends" })
        }
        None => Ok((State::Body(unfinished), None)),
    }
}

/// Appends to `line` up to the end of the line and takes it off the input; true when the line is whole (without its
/// end).
fn take_line(line: &mut Vec<u8>, input: &mut &[u8]) -> Result<bool, StompError> {
    let end = input.iter().position(|byte| *byte == b'\n');
    let (piece, rest) = input.split_at_checked(end.unwrap_or(input.len())).unwrap_or((input, &[]));
    if line.len() + piece.len() > MAX_LINE_BYTES + 1 {
        return Err(StompError::TooLarge { what: "a line's bytes", limit: MAX_LINE_BYTES });
    }
    line.extend_from_slice(piece);
    *input = rest.get(1..).unwrap_or(&[]);
    if end.is_some() && line.last() == Some(&b'\r') {
        line.pop();
    }
    Ok(end.is_some())
}

impl Unfinished {
    /// Takes a header line in.
    fn add(&mut self, line: &[u8]) -> Result<(), StompError> {
        let command = self.frame.command;
        let malformed = |what| StompError::Malformed { command, what };
        self.lines += 1;
        if self.lines > MAX_HEADERS {
            return Err(StompError::TooLarge { what: "the number of headers", limit: MAX_HEADERS });
        }
        let line = std::str::from_utf8(line).map_err(|_| malformed("a header that is not UTF-8"))?;
        if line.contains('\0') {
            return Err(malformed("a NUL before the empty line that ends the headers"));
        }
        if line.contains('\r') {
            return Err(malformed("a carriage return inside a header"));
        }
        let (name, value) = line.split_once(':').ok_or_else(|| malformed("a header without a colon"))?;
        if name.is_empty() {
            return Err(malformed("a header without a name"));
        }
        let (name, value) = if command.is_escaped() {
            let unescaped =
                |text| unescape(text).ok_or_else(|| malformed("an escape that STOMP 1.2 does not define"));
            (unescaped(name)?, unescaped(value)?)
        } else {
            (name.to_owned(), value.to_owned())
        };
        if name == "content-length" {
            let bytes = decimal(&value).ok_or_else(|| malformed("a content-length that is no number"))?;
            // The first of repeated headers counts.
            self.body_bytes.get_or_insert(bytes);
        } else {
            self.frame.headers.push((name, value));
        }
        Ok(())
    }
}

/// `None` at an escape that is not defined, which the specification calls a fatal error.
fn unescape(text: &str) -> Option<String> {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(char) = chars.next() {
        out.push(match char {
            '\\' => match chars.next()? {
                'r' => '\r',
                'n' => '\n',
                'c' => ':',
                '\\' => '\\',
                _ => return None,
            },
            char => char,
        });
    }
    Some(out)
}

fn decimal(text: &str) -> Option<usize> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    // A number beyond any memory is too large, not malformed.
    digits.then(|| text.parse().unwrap_or(usize::MAX))
}
