//! What systemd is told: ready, alive, stopping (`sd_notify(3)`). Says nothing where none listens; decides nothing about the service.
//!
//! The crate reads `NOTIFY_SOCKET` and `WATCHDOG_USEC`, which are systemd's word to the process and no configuration of ours.

use std::time::{Duration, Instant};

use sd_notify::NotifyState;

use super::Health;

/// While state is being rebuilt systemd is asked for this much more time, again and again: it may take longer than `TimeoutStartSec`.
const MORE_TIME: Duration = Duration::from_secs(30);
/// How often it is asked.
const ASK_EVERY: Duration = Duration::from_secs(1);

/// Tells systemd how the service is.
pub(super) struct Notifier {
    /// Half of `WatchdogSec`, as `sd_watchdog_enabled(3)` recommends; `None` where systemd waits for no sign.
    beat_every: Option<Duration>,
    is_ready: bool,
    /// When the last sign of life was given, or the last question for time asked.
    told: Option<Instant>,
}

impl Notifier {
    /// Of this process.
    pub(super) fn new() -> Notifier {
        Notifier { beat_every: sd_notify::watchdog_enabled().map(|limit| limit / 2), is_ready: false, told: None }
    }

    /// One look around: says what is due.
    pub(super) fn look(&mut self, now: Instant, health: &Health) {
        let due = self.due(now, || health.live(now).0, || health.ready(now).0);
        if !due.is_empty() {
            tell(&due);
        }
    }

    /// The drain begins.
    pub(super) fn stopping(&mut self) {
        tell(&[NotifyState::Stopping, NotifyState::Status("draining")]);
    }

    fn due(&mut self, now: Instant, live: impl FnOnce() -> bool, ready: impl FnOnce() -> bool) -> Vec<NotifyState<'static>> {
        let mut due = Vec::new();
        if !self.is_ready && ready() {
            self.is_ready = true;
            self.told = None;
            due.extend([NotifyState::Ready, NotifyState::Status("serving")]);
        }
        let every = if self.is_ready { self.beat_every } else { Some(ASK_EVERY.min(self.beat_every.unwrap_or(ASK_EVERY))) };
        let is_time = every.is_some_and(|every| self.told.is_none_or(|told| now.saturating_duration_since(told) >= every));
        if is_time && live() {
            self.told = Some(now);
            if !self.is_ready {
                let more = u32::try_from(MORE_TIME.as_micros()).unwrap_or(u32::MAX);
                due.extend([
                    NotifyState::ExtendTimeoutUsec(more),
                    NotifyState::Status("restoring state; /readyz says what is missing"),
                ]);
            }
            due.extend(self.beat_every.map(|_| NotifyState::Watchdog));
        }
        due
    }
}

/// A systemd that cannot be told is no reason to stop working; its own time-outs speak for it.
fn tell(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::warn!(%error, "systemd could not be told");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn notifier(beat_every_ms: Option<u64>) -> Notifier {
        Notifier { beat_every: beat_every_ms.map(Duration::from_millis), is_ready: false, told: None }
    }

    /// What is said at these moments (milliseconds, live, ready), a word a line of the protocol.
    #[track_caller]
    #[expect(clippy::disallowed_methods, reason = "any moment will do; only differences count")]
    fn check(beat_every_ms: Option<u64>, moments: &[(u64, bool, bool)], expected: &[&str]) {
        let mut notifier = notifier(beat_every_ms);
        let start = Instant::now();
        let said: Vec<String> = moments
            .iter()
            .map(|(ms, live, ready)| {
                let due = notifier.due(start + Duration::from_millis(*ms), || *live, || *ready);
                let words = due.iter().map(|state| state.to_string().trim().split('=').next().unwrap().to_owned());
                words.filter(|word| word != "STATUS").collect::<Vec<_>>().join(" ")
            })
            .collect();
        assert_eq!(said, expected);
    }

    #[test]
    fn ready_is_said_once_and_only_when_it_is() {
        check(
            None,
            &[(0, true, false), (100, true, true), (200, true, true), (9_000, true, false)],
            &["EXTEND_TIMEOUT_USEC", "READY", "", ""],
        );
    }

    #[test]
    fn time_is_asked_for_each_second_while_workers_live() {
        check(
            None,
            &[(0, true, false), (900, true, false), (1_000, true, false), (2_000, false, false)],
            &["EXTEND_TIMEOUT_USEC", "", "EXTEND_TIMEOUT_USEC", ""],
        );
    }

    #[test]
    fn a_worker_that_is_not_alive_stops_the_signs_of_life() {
        check(
            Some(500),
            &[(0, true, true), (400, true, true), (500, true, true), (1_000, false, true), (1_100, true, true)],
            &["READY WATCHDOG", "", "WATCHDOG", "", "WATCHDOG"],
        );
    }

    #[test]
    fn signs_of_life_are_given_before_it_is_ready() {
        check(
            Some(500),
            &[(0, true, false), (500, true, false)],
            &["EXTEND_TIMEOUT_USEC WATCHDOG", "EXTEND_TIMEOUT_USEC WATCHDOG"],
        );
    }
}
