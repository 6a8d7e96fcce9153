//! How far a command is: on a terminal a line that is written over, elsewhere one log line every ten seconds. Writes to stderr only.

use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

/// A count on its way to a total.
pub(super) struct Progress {
    doing: String,
    total: Option<u64>,
    done: u64,
    started: Instant,
    shown: Instant,
    on_terminal: bool,
    written: bool,
}

impl Progress {
    /// Begins to count; `total` where it is known.
    pub(super) fn new(doing: impl Into<String>, total: Option<u64>) -> Progress {
        let started = now();
        let on_terminal = std::io::stderr().is_terminal();
        Progress { doing: doing.into(), total, done: 0, started, shown: started, on_terminal, written: false }
    }

    /// That many more are done.
    pub(super) fn add(&mut self, count: u64) {
        self.done += count;
        // A clock read costs about as much as a small record: looked at once in 256.
        if self.done & 0xff < count {
            self.show();
        }
    }

    /// So many seconds since it began.
    pub(super) fn seconds(&self) -> f64 {
        self.started.elapsed().as_secs_f64()
    }

    fn show(&mut self) {
        let pause = if self.on_terminal { Duration::from_millis(200) } else { Duration::from_secs(10) };
        if self.shown.elapsed() < pause {
            return;
        }
        self.shown = now();
        let rate = self.done as f64 / self.seconds().max(1e-3);
        let left = self.total.map(|total| total.saturating_sub(self.done) as f64 / rate.max(1e-3));
        if self.on_terminal {
            let left = left.map_or_else(String::new, |seconds| format!(", {seconds:.0} s left"));
            let mut stderr = std::io::stderr().lock();
            // A terminal that went away is no reason to stop working.
            let _ = write!(stderr, "\r\x1b[K{}: {} ({rate:.0}/s{left})", self.doing, self.done);
            let _ = stderr.flush();
            self.written = true;
        } else {
            let (rate, seconds_left) = (rate.round(), left.map(f64::round));
            tracing::info!(doing = self.doing, done = self.done, total = self.total, rate, seconds_left, "progress");
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.written {
            let _ = write!(std::io::stderr().lock(), "\r\x1b[K");
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "progress is about the machine's work, never about a verdict")]
fn now() -> Instant {
    Instant::now()
}
