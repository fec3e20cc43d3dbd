//! `Retry-After` in both its forms (RFC 9110, 10.2.3): seconds, or a date.

use std::time::{Duration, SystemTime};

/// Seconds from now. Measures a date against the answer's own `Date` where there is one, since the desk's clock may be
/// off. A date in the past means at once.
pub(crate) fn seconds(retry_after: &str, date: Option<&str>, now: SystemTime) -> Option<u64> {
    let text = retry_after.trim();
    if let Ok(seconds) = text.parse() {
        return Some(seconds);
    }
    let at = httpdate::parse_http_date(text).ok()?;
    let now = date.and_then(|date| httpdate::parse_http_date(date.trim()).ok()).unwrap_or(now);
    let wait = at.duration_since(now).unwrap_or(Duration::ZERO);
    Some(wait.as_secs() + u64::from(wait.subsec_nanos() > 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_are_read() {
        let now = httpdate::parse_http_date("Sat, 21 Nov 2026 03:00:00 GMT").unwrap();
        for (text, date, expected) in [
            ("7", None, Some(7)),
            (" 120 ", None, Some(120)),
            ("Sat, 21 Nov 2026 03:00:30 GMT", None, Some(30)),
            ("Sat, 21 Nov 2026 02:00:00 GMT", None, Some(0)),
            // The server's clock is an hour ahead of the desk's.
            ("Sat, 21 Nov 2026 04:00:30 GMT", Some("Sat, 21 Nov 2026 04:00:00 GMT"), Some(30)),
            ("Sat, 21 Nov 2026 03:00:30 GMT", Some("today"), Some(30)),
            ("-1", None, None),
            ("soon", None, None),
            ("", None, None),
        ] {
            assert_eq!(seconds(text, date, now), expected, "{text:?} {date:?}");
        }
        assert_eq!(
            seconds("Sat, 21 Nov 2026 03:00:30 GMT", None, now + Duration::from_millis(29_500)),
            Some(1)
        );
    }
}
