//! WHEN: a place in a log, by its ends, by append time, or by offset. Resolves nothing itself.

use std::fmt;
use std::str::FromStr;

use crate::domain::{Date, Offset, Timestamp};

/// A place in a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// Where it begins.
    Start,
    /// Where it ended when it was asked.
    End,
    /// The first message appended at this instant or later; a date is its midnight in UTC.
    Instant(Timestamp),
    /// The same offset in every partition.
    Offset(Offset),
}

/// The text names no place.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no place in a log (start, end, 2025-04-01, 2025-04-01T00:00:00Z or offset:N)")]
pub struct InvalidWhen(String);

impl When {
    /// The day of an instant, in UTC; no other place has one.
    pub fn day(self) -> Option<Date> {
        match self {
            When::Instant(instant) => Some(instant.to_zoned(jiff::tz::TimeZone::UTC).date()),
            When::Start | When::End | When::Offset(_) => None,
        }
    }
}

impl FromStr for When {
    type Err = InvalidWhen;

    fn from_str(text: &str) -> Result<When, InvalidWhen> {
        let invalid = || InvalidWhen(text.to_owned());
        match text {
            "start" => return Ok(When::Start),
            "end" => return Ok(When::End),
            _ => {}
        }
        if let Some(offset) = text.strip_prefix("offset:") {
            let offset: Offset = offset.parse().map_err(|_| invalid())?;
            return if offset < 0 { Err(invalid()) } else { Ok(When::Offset(offset)) };
        }
        if text.len() == 10 {
            let date: Date = text.parse().map_err(|_| invalid())?;
            let midnight = date.to_zoned(jiff::tz::TimeZone::UTC).map_err(|_| invalid())?;
            return Ok(When::Instant(midnight.timestamp()));
        }
        text.parse().map(When::Instant).map_err(|_| invalid())
    }
}

impl fmt::Display for When {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            When::Start => f.write_str("start"),
            When::End => f.write_str("end"),
            When::Instant(instant) => write!(f, "{instant}"),
            When::Offset(offset) => write!(f, "offset:{offset}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let found = text.parse::<When>().map_or_else(|error| error.to_string(), |when| when.to_string());
        assert!(found.starts_with(expected), "{text}: {found}");
    }

    #[test]
    fn places_are_read_as_the_help_says() {
        check("start", "start");
        check("end", "end");
        check("2025-04-01", "2025-04-01T00:00:00Z");
        check("2025-04-01T12:30:00+02:00", "2025-04-01T10:30:00Z");
        check("offset:17", "offset:17");
        for wrong in ["", "now", "offset:-1", "offset:x", "2025-13-01", "2025-04", "01.04.2025"] {
            check(wrong, &format!("{wrong:?} is no place in a log"));
        }
    }
}
