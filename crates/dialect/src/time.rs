//! Instants as a foreign server writes them: a pattern and a zone, or a number.
//!
//! Clock times without an offset are ambiguous twice a year where clocks are set. A time that is passed twice is taken
//! for its first passing; one that is skipped, for the time after the gap (RFC 5545, section 3.3.5). So changes of the
//! second passing look an hour old until the hour is over; lists put them right.

use gwanje_model::UtcMillis;
use jiff::fmt::strtime;
use jiff::tz::{TimeZone, TimeZoneDatabase};
use jiff::{Timestamp, Zoned};
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
    /// `2026-11-21T18:03:22+09:00`, with any number of decimals.
    Rfc3339,
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
            "rfc3339" => return Ok(Self::Rfc3339),
            "unix-ms" => return Ok(Self::UnixMs),
            "unix-s" => return Ok(Self::UnixS),
            _ => {}
        }
        // It must read back what it writes, to the day at least: 2026-11-21 18:03:22 UTC.
        let sample = UtcMillis(1_795_284_202_000);
        let unusable = |why: String| {
            format!(
                "{text:?} is no usable format of an instant: {why}; \
                 write rfc3339, unix-ms, unix-s or a pattern such as %Y-%m-%d %H:%M:%S"
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

    /// Reads an instant; none: the value is no instant in this format.
    #[must_use]
    pub fn read(&self, value: &Value, zone: &Zone) -> Option<UtcMillis> {
        let at = match self {
            Self::Rfc3339 => value.as_str()?.trim().parse::<Timestamp>().ok().map(millis)?,
            Self::UnixMs => UtcMillis(number(value)? as i64),
            Self::UnixS => UtcMillis((number(value)? * 1_000.0).round() as i64),
            Self::Pattern(pattern) => match value {
                Value::String(text) => read_pattern(pattern, text.trim(), &zone.rules).ok()?,
                // 20261121180322 may come as a number.
                Value::Number(number) => read_pattern(pattern, &number.to_string(), &zone.rules).ok()?,
                Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => return None,
            },
        };
        // Beyond the year 9999 it is no instant of a delivery.
        Timestamp::from_millisecond(at.0).is_ok().then_some(at)
    }
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
            ("rfc3339", "UTC", json!("2026-11-21 18:03"), None),
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
        for bad in ["%H:%M:%S", "%d.%m.", "%Q", "", "iso", "%"] {
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
