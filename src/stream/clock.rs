//! The machine's time, for patience, budgets and latencies. Of what is read it decides one thing: what cannot be known yet is refused.

use std::time::Instant;

use crate::domain::Timestamp;

#[expect(clippy::disallowed_methods, reason = "intervals, patience, budgets and the watchdog go by the machine's time")]
pub(super) fn now() -> Instant {
    Instant::now()
}

#[expect(clippy::disallowed_methods, reason = "latencies are between two machines' times")]
pub(super) fn wall_ms() -> i64 {
    Timestamp::now().as_millisecond()
}

#[expect(
    clippy::disallowed_methods,
    reason = "a message that claims to be known later than it is read would move a clock for good"
)]
pub(super) fn read_at() -> Timestamp {
    Timestamp::now()
}
