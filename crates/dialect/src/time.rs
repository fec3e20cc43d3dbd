//! Instants as a foreign server writes them: a pattern and a zone, or a number.
//!
//! Clock times without an offset are ambiguous twice a year where clocks are set. A time that is passed twice is taken
//! for its first passing; one that is skipped, for the time after the gap (RFC 5545, section 3.3.5). So changes of the
//! second passing look an hour old until the hour is over; lists put them right.

use crate::scalar::text;
use gwanje_model::UtcMillis;
use jiff::fmt::strtime;
use jiff::tz::{TimeZone, TimeZoneDatabase};
use jiff::{Timestamp, Zoned, civil};
use serde_json::Value;

/// A time zone by its IANA name, from the zones that this program was built with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Zone {
    name: String,
    rules: TimeZone,
}

impl Zone {
    /// The zone of that name; none: there is no such zone.
    #[must_use]
    pub fn of(name: &str) -> Option<Self> {
        let rules = TimeZoneDatabase::bundled().get(name).ok()?;
        Some(Self { name: rules.iana_name().unwrap_or(name).to_owned(), rules })
    }

    /// Its IANA name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// An instant by this zone's clock, written by a `strftime` pattern, `days` before.
    #[must_use]
    pub fn write(&self, pattern: &str, at: UtcMillis, days: u32) -> Option<String> {
        let zoned = zoned(at, &self.rules)?;
        let before = zoned.checked_sub(jiff::Span::new().try_days(days).ok()?).ok()?;
        strtime::format(pattern, &before).ok()
    }
}

/// How instants are written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TimeFormat {
    /// `2026-11-21T18:03:22+09:00`, with any number of decimals. Without an offset it is of the zone's clock; seconds may
    /// be left out.
    Rfc3339,
    /// `[2026, 11, 21, 18, 3, 22, 500000000]`: the zone's clock, as far as it goes, with nanoseconds at the end.
    Array,
    /// Milliseconds since 1970-01-01 UTC, as a number or its digits.
    UnixMs,
    /// Seconds since 1970-01-01 UTC, as a number (decimals too) or its digits.
    UnixS,
    /// A `strptime` pattern.
    Pattern(String),
}

impl TimeFormat {
    /// Reads the name of a format, or a pattern. The error is the reason.
    ///
    /// # Errors
    /// When it is a pattern that can't hold an instant.
    pub fn parse(text: &str) -> Result<Self, String> {
        match text {
            "rfc3339" | "iso8601" | "iso" => return Ok(Self::Rfc3339),
            "array" => return Ok(Self::Array),
            "unix-ms" => return Ok(Self::UnixMs),
            "unix-s" => return Ok(Self::UnixS),
            _ => {}
        }
        // It must read back what it writes, to the day at least: 2026-11-21 18:03:22 UTC.
        let sample = UtcMillis(1_795_284_202_000);
        let unusable = |why: String| {
            format!(
                "{text:?} is no usable format of an instant: {why}; \
                 write rfc3339, unix-ms, unix-s, array or a pattern such as %Y-%m-%d %H:%M:%S"
            )
        };
        let zoned = zoned(sample, &TimeZone::UTC).ok_or_else(|| unusable("no sample".to_owned()))?;
        let written = strtime::format(text, &zoned).map_err(|error| unusable(error.to_string()))?;
        let read =
            read_pattern(text, &written, &TimeZone::UTC).map_err(|error| unusable(error.to_string()))?;
        if read.since(sample).abs() >= 24 * 3_600_000 {
            return Err(unusable("it does not hold a whole date".to_owned()));
        }
        Ok(Self::Pattern(text.to_owned()))
    }

    /// Whether the value is how servers write that there is no instant: a date of zeros, the first day of their calendar,
    /// zero since 1970.
    #[must_use]
    pub fn is_nothing(&self, value: &Value) -> bool {
        match value {
            Value::Null => true,
            Value::String(text) => {
                let text = text.trim();
                let is_zeros =
                    text.chars().all(|c| matches!(c, '0' | '-' | ':' | '/' | '.' | ' ' | 'T' | 'Z' | '+'));
                is_zeros
                    || ["0000-", "0001-01-01", "-0001-", "-000"].iter().any(|first| text.starts_with(first))
            }
            Value::Number(number) => number.as_f64() == Some(0.0),
            Value::Array(parts) => {
                parts.is_empty() || parts.first().and_then(whole).is_some_and(|year| (0..=1).contains(&year))
            }
            Value::Bool(_) | Value::Object(_) => false,
        }
    }

    /// Reads an instant; none: the value is no instant in this format.
    #[must_use]
    pub fn read(&self, value: &Value, zone: &Zone) -> Option<UtcMillis> {
        let at = match self {
            Self::Rfc3339 | Self::Array | Self::Pattern(_) if value.is_array() => array(value, &zone.rules)?,
            Self::Rfc3339 | Self::Array => iso(value.as_str()?.trim(), &zone.rules)?,
            Self::UnixMs => UtcMillis(number(value)? as i64),
            Self::UnixS => UtcMillis((number(value)? * 1_000.0).round() as i64),
            Self::Pattern(pattern) => match value {
                // Many programs leave out what is zero, or write decimals where there are some.
                Value::String(text) => read_pattern(pattern, text.trim(), &zone.rules)
                    .ok()
                    .or_else(|| iso(text.trim(), &zone.rules))?,
                // 20261121180322 may come as a number.
                Value::Number(_) => read_pattern(pattern, &text(value)?, &zone.rules).ok()?,
                Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => return None,
            },
        };
        if self.is_nothing(value) {
            return None;
        }
        // Beyond the year 9999 it is no instant of a delivery.
        Timestamp::from_millisecond(at.0).is_ok().then_some(at)
    }
}

/// An ISO 8601 text: to the minute at least, with an offset or of the zone's clock, with a T or a space.
fn iso(text: &str, zone: &TimeZone) -> Option<UtcMillis> {
    if let Ok(at) = text.parse::<Timestamp>() {
        return Some(millis(at));
    }
    let (date, clock) = text.split_once(['T', 't', ' '])?;
    let date: civil::Date = date.trim().parse().ok()?;
    let clock = clock.trim();
    let offset_at = clock.find(['Z', 'z', '+', '-']).unwrap_or(clock.len());
    let (clock, offset) = clock.split_at_checked(offset_at)?;
    let clock: civil::Time = clock.trim().parse().ok()?;
    if offset.is_empty() {
        return Some(millis(zone.to_ambiguous_timestamp(date.to_datetime(clock)).compatible().ok()?));
    }
    // In full, it reads.
    format!("{date}T{clock}{}", offset.trim()).parse().ok().map(millis)
}

fn array(value: &Value, zone: &TimeZone) -> Option<UtcMillis> {
    let parts: Vec<i64> = value.as_array()?.iter().map(whole).collect::<Option<_>>()?;
    if !(3..=7).contains(&parts.len()) {
        return None;
    }
    let part = |n: usize| parts.get(n).copied().unwrap_or(0);
    let small = |n: usize| i8::try_from(part(n)).ok();
    let date = civil::Date::new(i16::try_from(part(0)).ok()?, small(1)?, small(2)?).ok()?;
    // Up to 999 it is milliseconds: nobody measures fewer nanoseconds than that.
    let nanos = if part(6) < 1_000 { part(6) * 1_000_000 } else { part(6) };
    let clock = civil::Time::new(small(3)?, small(4)?, small(5)?, i32::try_from(nanos).ok()?).ok()?;
    Some(millis(zone.to_ambiguous_timestamp(date.to_datetime(clock)).compatible().ok()?))
}

fn whole(value: &Value) -> Option<i64> {
    let number = value.as_number()?;
    number.as_i64().or_else(|| gwanje_reading::whole_number(number))
}

fn number(value: &Value) -> Option<f64> {
    let number = match value {
        Value::Number(number) => number.as_f64()?,
        Value::String(text) => text.trim().parse().ok()?,
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => return None,
    };
    Some(number).filter(|number| number.is_finite())
}

fn read_pattern(pattern: &str, text: &str, zone: &TimeZone) -> Result<UtcMillis, jiff::Error> {
    let parts = strtime::parse(pattern, text)?;
    if parts.offset().is_some() || parts.timestamp().is_some() {
        return Ok(millis(parts.to_timestamp()?));
    }
    let clock = match parts.to_datetime() {
        Ok(clock) => clock,
        // A date alone is its midnight.
        Err(_) => parts.to_date()?.at(0, 0, 0, 0),
    };
    Ok(millis(zone.to_ambiguous_timestamp(clock).compatible()?))
}

fn millis(at: Timestamp) -> UtcMillis {
    UtcMillis(at.as_millisecond())
}

fn zoned(at: UtcMillis, zone: &TimeZone) -> Option<Zoned> {
    Some(Timestamp::from_millisecond(at.0).ok()?.to_zoned(zone.clone()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(format: &str, zone: &str, value: Value) -> Option<i64> {
        let zone = Zone::of(zone).unwrap();
        TimeFormat::parse(format).unwrap().read(&value, &zone).map(|at| at.0)
    }

    #[test]
    fn instants_are_read_as_they_are_written() {
        let at = 1_795_284_202_000; // 2026-11-21 18:03:22 UTC, 2026-11-22 03:03:22 in Seoul
        for (format, zone, value, expected) in [
            ("%Y-%m-%d %H:%M:%S", "Asia/Seoul", json!("2026-11-22 03:03:22"), Some(at)),
            ("%Y-%m-%d %H:%M:%S", "UTC", json!(" 2026-11-21 18:03:22 "), Some(at)),
            ("%Y%m%d%H%M%S", "Asia/Seoul", json!(20261122030322_u64), Some(at)),
            ("%Y-%m-%d %H:%M:%S%.f", "UTC", json!("2026-11-21 18:03:22.25"), Some(at + 250)),
            ("%Y-%m-%dT%H:%M:%S%:z", "Asia/Seoul", json!("2026-11-21T19:03:22+01:00"), Some(at)),
            ("%Y-%m-%d", "Asia/Seoul", json!("1970-01-02"), Some(15 * 3_600_000)),
            ("rfc3339", "Asia/Seoul", json!("2026-11-21T18:03:22.5Z"), Some(at + 500)),
            ("unix-ms", "UTC", json!(at), Some(at)),
            ("unix-ms", "UTC", json!(at.to_string()), Some(at)),
            ("unix-s", "UTC", json!(1_795_284_202.5), Some(at + 500)),
            ("%Y-%m-%d %H:%M:%S", "UTC", json!("yesterday"), None),
            ("%Y-%m-%d %H:%M:%S", "UTC", json!("2026-02-30 00:00:00"), None),
            ("%Y-%m-%d %H:%M:%S", "UTC", json!(["2026-11-21 18:03:22"]), None),
            ("rfc3339", "UTC", json!("2026-11-21"), None),
            // Seconds left out, decimals added, no offset.
            ("rfc3339", "UTC", json!("2026-11-21 18:03"), Some(at - 22_000)),
            ("iso8601", "Asia/Seoul", json!("2026-11-22T03:03"), Some(at - 22_000)),
            ("rfc3339", "UTC", json!("2026-11-22T03:03+09:00"), Some(at - 22_000)),
            ("%Y-%m-%dT%H:%M:%S", "Asia/Seoul", json!("2026-11-22T03:03"), Some(at - 22_000)),
            ("%Y-%m-%dT%H:%M:%S", "Asia/Seoul", json!("2026-11-22T03:03:22.5"), Some(at + 500)),
            ("%Y-%m-%d %H:%M:%S", "Asia/Seoul", json!("2026-11-22 03:03"), Some(at - 22_000)),
            // Arrays.
            ("array", "Asia/Seoul", json!([2026, 11, 22, 3, 3, 22]), Some(at)),
            ("array", "Asia/Seoul", json!([2026, 11, 22, 3, 3]), Some(at - 22_000)),
            ("array", "UTC", json!([2026, 11, 21, 18, 3, 22, 250_000_000]), Some(at + 250)),
            ("rfc3339", "UTC", json!([2026.0, 11, 21, 18, 3, 22]), Some(at)),
            ("array", "UTC", json!([2026, 13, 21]), None),
            // No instant at all.
            ("%Y-%m-%d %H:%M:%S", "UTC", json!("0000-00-00 00:00:00"), None),
            ("rfc3339", "UTC", json!("0001-01-01T00:00:00"), None),
            ("unix-ms", "UTC", json!(0), None),
            ("%Y%m%d%H%M%S", "UTC", json!(20_261_121_180_322.0), Some(at)),
            ("unix-ms", "UTC", json!(1e300), None),
            ("unix-s", "UTC", json!(null), None),
        ] {
            assert_eq!(read(format, zone, value.clone()), expected, "{format} {value}");
        }
    }

    #[test]
    fn an_hour_that_comes_twice_is_the_first_and_one_that_never_comes_is_after_the_gap() {
        let utc = |text: &str| read("rfc3339", "UTC", json!(text));
        let berlin = |text: &str| read("%Y-%m-%d %H:%M:%S", "Europe/Berlin", json!(text));
        assert_eq!(berlin("2026-10-25 02:30:00"), utc("2026-10-25T00:30:00Z"));
        assert_eq!(berlin("2026-10-25 03:00:00"), utc("2026-10-25T02:00:00Z"));
        assert_eq!(berlin("2026-03-29 02:30:00"), utc("2026-03-29T01:30:00Z"));
    }

    #[test]
    fn a_format_that_holds_no_instant_is_refused() {
        for bad in ["%H:%M:%S", "%d.%m.", "%Q", "", "isoo", "%"] {
            assert!(TimeFormat::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn days_are_written_by_the_zone_s_clock() {
        let seoul = Zone::of("asia/seoul").unwrap();
        assert_eq!(seoul.name(), "Asia/Seoul");
        let late = UtcMillis(1_795_284_202_000);
        assert_eq!(seoul.write("%Y-%m-%d", late, 0).as_deref(), Some("2026-11-22"));
        assert_eq!(seoul.write("%Y%m%d", late, 1).as_deref(), Some("20261121"));
        assert_eq!(Zone::of("Asia/Atlantis"), None);
    }
}
