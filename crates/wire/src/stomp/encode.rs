//! Writing a frame.

use super::{Frame, MAX_BODY_BYTES, MAX_HEADERS, MAX_LINE_BYTES, StompError};

/// A heart-beat: one end of line between frames.
pub const HEART_BEAT: &str = "\n";

impl Frame {
    /// The bytes of a binary WebSocket message, or of a stream. A body is announced by `content-length`.
    ///
    /// # Errors
    /// When a header can't be written in a frame of this kind, a required one is missing, a bound is passed, or a body
    /// is where none may be.
    pub fn to_bytes(&self) -> Result<Vec<u8>, StompError> {
        self.check()?;
        let mut out = Vec::with_capacity(self.body.len() + 64 * (self.headers.len() + 2));
        out.extend_from_slice(self.command.as_str().as_bytes());
        out.push(b'\n');
        for (name, value) in self.written_headers() {
            let start = out.len();
            self.put(name, &mut out);
            out.push(b':');
            self.put(value, &mut out);
            if out.len() - start > MAX_LINE_BYTES {
                return Err(self.unwritable("a header line is over the bound"));
            }
            out.push(b'\n');
        }
        if !self.body.is_empty() {
            out.extend_from_slice(format!("content-length:{}\n", self.body.len()).as_bytes());
        }
        out.push(b'\n');
        out.extend_from_slice(&self.body);
        out.push(0);
        Ok(out)
    }

    /// The text of a WebSocket text message, which most brokers prefer.
    ///
    /// # Errors
    /// As [`Frame::to_bytes`], and when the body is not UTF-8.
    pub fn to_text(&self) -> Result<String, StompError> {
        String::from_utf8(self.to_bytes()?)
            .map_err(|_| self.unwritable("its body is not UTF-8; send it as a binary message"))
    }

    /// `content-length` is the writer's own.
    fn written_headers(&self) -> impl Iterator<Item = (&str, &str)> {
        self.headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .filter(|(name, _)| *name != "content-length")
    }

    fn check(&self) -> Result<(), StompError> {
        if !self.command.has_body() && !self.body.is_empty() {
            return Err(self.unwritable("a body is not allowed in it"));
        }
        if self.body.len() > MAX_BODY_BYTES {
            return Err(self.unwritable("its body is over 2 MiB"));
        }
        // One more may be needed for content-length.
        if self.written_headers().count() >= MAX_HEADERS {
            return Err(self.unwritable("it has too many headers"));
        }
        if self.command.required().iter().any(|name| self.header(name).is_none()) {
            return Err(self.unwritable("a header that it needs is missing"));
        }
        self.written_headers().try_for_each(|(name, value)| self.check_header(name, value))
    }

    fn check_header(&self, name: &str, value: &str) -> Result<(), StompError> {
        if name.is_empty() {
            return Err(self.unwritable("a header has no name"));
        }
        if name.contains('\0') || value.contains('\0') {
            return Err(self.unwritable("a header holds a NUL, for which there is no escape"));
        }
        let plain =
            self.command.is_escaped() || !(name.contains([':', '\r', '\n']) || value.contains(['\r', '\n']));
        plain
            .then_some(())
            .ok_or_else(|| self.unwritable("a header holds a line end or colon, which it can't escape"))
    }

    fn put(&self, text: &str, out: &mut Vec<u8>) {
        if !self.command.is_escaped() {
            out.extend_from_slice(text.as_bytes());
            return;
        }
        for byte in text.bytes() {
            match byte {
                b'\r' => out.extend_from_slice(b"\\r"),
                b'\n' => out.extend_from_slice(b"\\n"),
                b':' => out.extend_from_slice(b"\\c"),
                b'\\' => out.extend_from_slice(b"\\\\"),
                byte => out.push(byte),
            }
        }
    }

    fn unwritable(&self, what: &'static str) -> StompError {
        StompError::Unwritable { command: self.command, what }
    }
}
