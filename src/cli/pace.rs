//! Keeps a command below a rate, so that a bulk load leaves room for the service. Measures only the machine's own time.

use std::time::{Duration, Instant};

/// A rate that is not to be passed.
pub(super) struct Pace {
    per_second: Option<u32>,
    started: Instant,
    batch_started: Instant,
}

impl Pace {
    /// At most that many a second; without a number as fast as it goes.
    pub(super) fn new(per_second: Option<u32>) -> Pace {
        let started = now();
        Pace { per_second, started, batch_started: started }
    }

    /// Whether a batch is open for so long that it should go out: with a slow rate, four times a second.
    pub(super) fn is_due(&self) -> bool {
        self.per_second.is_some_and(|rate| rate < 1_000 || self.batch_started.elapsed() > Duration::from_millis(250))
    }

    /// Sleeps until that many are allowed.
    pub(super) fn wait(&mut self, done: u64) {
        if let Some(rate) = self.per_second {
            let due = Duration::from_secs_f64(done as f64 / f64::from(rate));
            std::thread::sleep(due.saturating_sub(self.started.elapsed()));
        }
        self.batch_started = now();
    }
}

#[expect(clippy::disallowed_methods, reason = "a rate is about the machine's work, never about a verdict")]
fn now() -> Instant {
    Instant::now()
}
