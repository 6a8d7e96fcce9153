//! Keeps a command below a rate, so that a bulk load leaves room for the service. Measures only the machine's own time.

use std::time::{Duration, Instant};

/// How long messages may be held back for more of their batch.
const OPEN_AT_MOST: Duration = Duration::from_millis(250);

/// A rate that is not to be passed.
pub(super) struct Pace {
    per_second: Option<u32>,
    started: Instant,
    in_hand: u64,
    opened: Duration,
    free_at: Duration,
}

impl Pace {
    /// At most that many a second; without a number as fast as it goes.
    pub(super) fn new(per_second: Option<u32>) -> Pace {
        Pace { per_second, started: now(), in_hand: 0, opened: Duration::ZERO, free_at: Duration::ZERO }
    }

    /// That many more are in hand.
    pub(super) fn add(&mut self, count: u64) {
        if self.per_second.is_some() {
            if self.in_hand == 0 {
                self.opened = self.started.elapsed();
            }
            self.in_hand += count;
        }
    }

    /// Whether what is in hand should go out now, and [`Pace::wait`] be called.
    pub(super) fn is_due(&self) -> bool {
        let open_for = || self.started.elapsed().saturating_sub(self.opened);
        self.in_hand > 0 && self.per_second.is_some_and(|rate| is_due(rate, self.in_hand, open_for()))
    }

    /// After what was in hand has gone out: sleeps until more may follow.
    pub(super) fn wait(&mut self) {
        if let Some(rate) = self.per_second {
            self.free_at = free_at(self.free_at, self.started.elapsed(), (self.in_hand, rate));
            self.in_hand = 0;
            std::thread::sleep(self.free_at.saturating_sub(self.started.elapsed()));
        }
    }
}

/// Whether a batch goes out: a quarter of a second's worth is in hand, or some of it for that long.
fn is_due(rate: u32, in_hand: u64, open_for: Duration) -> bool {
    in_hand >= u64::from(rate / 4).max(1) || open_for >= OPEN_AT_MOST
}

/// When the next may go out after `count` that went out now. Time in which nothing went out is no credit for later.
fn free_at(before: Duration, now: Duration, (count, rate): (u64, u32)) -> Duration {
    before.max(now) + Duration::from_secs_f64(count as f64 / f64::from(rate))
}

#[expect(clippy::disallowed_methods, reason = "a rate is about the machine's work, never about a verdict")]
fn now() -> Instant {
    Instant::now()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sends without a pause but those asked for, from the beginning and again after a stall. Gives when each message went out.
    fn sent(rate: u32) -> Vec<Duration> {
        let (mut now, mut free, mut in_hand, mut sent) = (Duration::ZERO, Duration::ZERO, 0, Vec::new());
        for message in 0..4 * u64::from(rate) {
            if message == 2 * u64::from(rate) {
                now += Duration::from_secs(100);
            }
            in_hand += 1;
            if is_due(rate, in_hand, Duration::ZERO) {
                sent.extend((0..in_hand).map(|_| now));
                free = free_at(free, now, (in_hand, rate));
                (now, in_hand) = (free, 0);
            }
        }
        sent
    }

    #[test]
    fn no_second_holds_more_than_the_rate_however_long_nothing_was_sent_before() {
        for rate in [1, 3, 80, 999, 1_000, 40_000] {
            let sent = sent(rate);
            let batch = usize::try_from(rate / 4).unwrap().max(1);
            assert!(sent.len() > 4 * usize::try_from(rate).unwrap() - batch);
            // Half-open seconds that begin with a batch; within a microsecond, since a third of a second is no whole nanosecond.
            let second = Duration::from_secs(1) - Duration::from_micros(1);
            for (index, start) in sent.iter().enumerate().filter(|(index, at)| *index == 0 || sent[*index - 1] != **at) {
                let within = sent[index..].iter().take_while(|at| **at < *start + second).count();
                assert!(within <= usize::try_from(rate).unwrap().next_multiple_of(batch), "{rate}: {within} from {start:?} on");
            }
        }
    }

    #[test]
    fn a_rate_is_reached_where_there_is_enough_to_send() {
        let sent = sent(80);
        assert_eq!(sent[80], Duration::from_secs(1), "after 80 messages a second is over");
    }

    #[test]
    fn a_trickle_is_not_held_back() {
        assert!(!is_due(1_000, 1, Duration::from_millis(249)));
        assert!(is_due(1_000, 1, Duration::from_millis(250)));
        assert!(is_due(1_000, 250, Duration::ZERO) && !is_due(1_000, 249, Duration::ZERO));
        assert!(!Pace::new(None).is_due());
    }
}
