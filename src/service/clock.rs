//! The machine's time as the service sees it: for the watchdog, the drain, the lease and the ticks. No verdict ever sees it.

use std::sync::Arc;
use std::time::Instant;

use crate::domain::{Date, Timestamp};

/// Where a service takes its time from. Tests bring one that they can move on.
#[derive(Clone)]
pub struct Clock {
    /// Monotonic, for how long something takes.
    pub now: Arc<dyn Fn() -> Instant + Send + Sync>,
    /// The date in UTC, for ticks.
    pub today: Arc<dyn Fn() -> Date + Send + Sync>,
}

impl Default for Clock {
    /// The machine's own.
    #[expect(clippy::disallowed_methods, reason = "this is where the service's time comes from")]
    fn default() -> Clock {
        let today = || Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date();
        Clock { now: Arc::new(Instant::now), today: Arc::new(today) }
    }
}
