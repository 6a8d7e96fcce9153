//! The machine's time, for patience, budgets and latencies alone: nothing that is read or written depends on it.

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
