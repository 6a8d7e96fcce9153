//! Bytes → claims: canonical JSON, and every other feed through a mapping. Reads code tables, never facts.

pub mod movement;

use crate::domain::{Claim, Date, DeadLetterReason, Degrade, ExcludedReason, Period, Timestamp};

/// What became of one row of a message.
#[derive(Clone, Debug, PartialEq)]
pub enum Row {
    /// A record.
    Claim(Box<Claim>),
    /// Left out on purpose.
    Excluded(ExcludedReason),
    /// Could not be taken.
    Failed(DecodeError),
}

/// What a message held.
#[derive(Clone, Debug, PartialEq)]
pub enum Decoded {
    /// Its rows, in order; an index in `dlq.records` counts them from 0.
    Rows(Vec<Row>),
    /// It could not be opened: one dead letter, whatever its rows.
    Unreadable(DecodeError),
}

/// Why a message or a row could not be taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}: {detail}")]
pub struct DecodeError {
    /// The reason.
    pub reason: DeadLetterReason,
    /// Field, value, what is allowed.
    pub detail: String,
}

/// What decoding takes from outside the message and the mapping.
#[derive(Clone, Copy, Debug)]
pub struct Surroundings<'a> {
    /// The code tables.
    pub reference: &'a crate::reference::Reference,
    /// Days after the event date or period end at which a record of a file without `known_from` counts as known.
    pub default_lag_days: u16,
    /// The name of the file, where the message is a row of one.
    pub file_name: Option<&'a str>,
}

/// The rule of `contract.md` 1 where a record carries no `known_from`: the raw message's timestamp, else the default lag.
pub fn known_from_default(event_end: Date, timestamp: Option<Timestamp>, default_lag_days: u16) -> Timestamp {
    timestamp.unwrap_or_else(|| midnight_after(event_end, default_lag_days))
}

/// Midnight UTC that many days after a date.
pub fn midnight_after(date: Date, days: u16) -> Timestamp {
    let day = date.saturating_add(jiff::Span::new().days(i64::from(days)));
    day.to_zoned(jiff::tz::TimeZone::UTC).map(|zoned| zoned.timestamp()).unwrap_or(Timestamp::MAX)
}

/// The last day of a period.
pub fn period_end(period: Period) -> Date {
    period.last().last_day()
}

/// Reasons the decoders give for a degraded record.
pub const DEGRADES: &[Degrade] = Degrade::ALL;
