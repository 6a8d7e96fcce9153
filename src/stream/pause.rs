//! When everything of a feed is bad, stop rather than drain it into dead letters: the feed rests, and is probed by one message at a time.

use std::collections::{BTreeMap, VecDeque};
use std::time::Instant;

use super::WorkerSettings;
use crate::encode::Effects;

/// How each input topic of a worker does.
#[derive(Default)]
pub(super) struct Pauses {
    topics: BTreeMap<String, Window>,
}

/// What to do with a topic now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// As before.
    Unchanged,
    /// Too many dead letters: stop reading.
    Pause,
    /// The probe failed: rest again.
    RestAgain,
    /// The probe was good: go on.
    Resume,
}

#[derive(Default)]
struct Window {
    recent: VecDeque<(u64, u64)>,
    dead: u64,
    total: u64,
    /// Dead letters since the last record that was none.
    run: u64,
    rest: Option<Rest>,
}

enum Rest {
    Until(Instant),
    Probing,
}

impl Pauses {
    /// Takes note of what became of a message.
    pub(super) fn note(&mut self, topic: &str, effects: &Effects, (now, settings): (Instant, &WorkerSettings)) -> Verdict {
        if !self.topics.contains_key(topic) {
            self.topics.insert(topic.to_owned(), Window::default());
        }
        let Some(window) = self.topics.get_mut(topic) else { return Verdict::Unchanged };
        let dead = effects.dead_letter.as_ref().map_or(0, |letter| letter.count);
        let total = effects.outcomes.iter().map(|(_, count)| count).sum();
        let verdict = if window.rest.is_some() {
            if dead > 0 { Verdict::RestAgain } else { Verdict::Resume }
        } else if window.is_bad((dead, total), settings) {
            Verdict::Pause
        } else {
            Verdict::Unchanged
        };
        match verdict {
            Verdict::Pause | Verdict::RestAgain => window.rest = Some(Rest::Until(now + settings.probe_interval)),
            Verdict::Resume => *window = Window::default(),
            Verdict::Unchanged => {}
        }
        verdict
    }

    /// Topics that have rested long enough to be probed.
    pub(super) fn due(&mut self, now: Instant) -> Vec<String> {
        let mut due = Vec::new();
        for (topic, window) in &mut self.topics {
            if matches!(window.rest, Some(Rest::Until(until)) if until <= now) {
                window.rest = Some(Rest::Probing);
                due.push(topic.clone());
            }
        }
        due
    }

    /// Forgets a topic that is read elsewhere now; whether it rested.
    pub(super) fn forget(&mut self, topic: &str) -> bool {
        self.topics.remove(topic).is_some_and(|window| window.rest.is_some())
    }
}

impl Window {
    /// Adds a message's records; whether too many dead ones came without a break, or the last `window` records hold too many. An unfilled
    /// window says nothing: a quiet feed that is all bad would be drained for weeks, hence the run.
    fn is_bad(&mut self, (dead, total): (u64, u64), settings: &WorkerSettings) -> bool {
        let wanted = u64::from(settings.window);
        self.recent.push_back((dead, total));
        self.dead += dead;
        self.total += total;
        while let Some((old_dead, old_total)) = self.recent.front().copied() {
            if self.total - old_total < wanted {
                break;
            }
            self.recent.pop_front();
            self.dead -= old_dead;
            self.total -= old_total;
        }
        self.run = if dead > 0 && dead >= total { self.run + dead } else { 0 };
        let is_long = settings.dead_letter_run_max > 0 && self.run >= settings.dead_letter_run_max;
        let is_full = wanted > 0 && self.total >= wanted;
        is_long || is_full && self.dead as f64 / self.total as f64 > settings.dead_letter_ratio_max
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encode::DeadLetter;

    fn effects(is_dead: bool) -> Effects {
        let dead_letter = is_dead.then(|| DeadLetter {
            feed: "feed".to_owned(),
            reason: "malformed",
            detail: String::new(),
            records: Vec::new(),
            count: 1,
        });
        Effects { dead_letter, outcomes: vec![("any", 1)], ..Effects::default() }
    }

    /// Feeds messages, `x` for a dead one; gives the verdict on the last.
    fn check(messages: &str, expected: Verdict) {
        #[expect(clippy::disallowed_methods, reason = "any instant will do")]
        let now = Instant::now();
        let settings = WorkerSettings { window: 10, dead_letter_ratio_max: 0.2, ..WorkerSettings::default() };
        let mut pauses = Pauses::default();
        let mut last = Verdict::Unchanged;
        for message in messages.chars() {
            last = pauses.note("topic", &effects(message == 'x'), (now, &settings));
        }
        assert_eq!(last, expected, "{messages}");
    }

    #[test]
    fn pauses_above_the_ratio_of_a_full_window() {
        check("xxxxxxxxx", Verdict::Unchanged);
        check("xx........", Verdict::Unchanged);
        check("xx.......x", Verdict::Pause);
        check("xx........x", Verdict::Unchanged);
        check("..........xx", Verdict::Unchanged);
        check("..........xxx", Verdict::Pause);
    }

    #[test]
    fn pauses_at_a_run_in_a_window_that_is_not_full() {
        #[expect(clippy::disallowed_methods, reason = "any instant will do")]
        let now = Instant::now();
        let check = |messages: &str, run_max, expected| {
            let settings = WorkerSettings { window: 1_000, dead_letter_run_max: run_max, ..WorkerSettings::default() };
            let mut pauses = Pauses::default();
            let verdicts = messages.chars().map(|message| pauses.note("topic", &effects(message == 'x'), (now, &settings)));
            assert_eq!(verdicts.last(), Some(expected), "{messages} {run_max}");
        };
        check("xx", 3, Verdict::Unchanged);
        check("xxx", 3, Verdict::Pause);
        check("xx.xx", 3, Verdict::Unchanged);
        check("xx.xxx", 3, Verdict::Pause);
        check("xxx.", 3, Verdict::Resume);
        check("xxxxxxxxxx", 0, Verdict::Unchanged);
    }

    #[test]
    fn one_good_probe_resumes() {
        check("xxxxxxxxxxx", Verdict::RestAgain);
        check("xxxxxxxxxx.", Verdict::Resume);
        check("xxxxxxxxxx.x", Verdict::Unchanged);
    }

    #[test]
    fn a_topic_that_went_elsewhere_begins_anew_where_it_comes_back() {
        #[expect(clippy::disallowed_methods, reason = "any instant will do")]
        let now = Instant::now();
        let settings = WorkerSettings { window: 10, dead_letter_run_max: 2, ..WorkerSettings::default() };
        let mut pauses = Pauses::default();
        let note = |pauses: &mut Pauses| pauses.note("topic", &effects(true), (now, &settings));
        assert!(!pauses.forget("topic"));
        assert_eq!(note(&mut pauses), Verdict::Unchanged);
        assert!(!pauses.forget("topic"));
        assert_eq!([note(&mut pauses), note(&mut pauses)], [Verdict::Unchanged, Verdict::Pause]);
        assert!(pauses.forget("topic"));
        assert_eq!([note(&mut pauses), note(&mut pauses)], [Verdict::Unchanged, Verdict::Pause]);
    }

    #[test]
    fn a_probe_is_due_after_the_rest_once_and_a_bad_one_rests_as_long_again() {
        #[expect(clippy::disallowed_methods, reason = "any instant will do")]
        let start = Instant::now();
        let at = |seconds| start + std::time::Duration::from_secs(seconds);
        let settings = WorkerSettings { window: 1, dead_letter_ratio_max: 0.2, ..WorkerSettings::default() };
        assert_eq!(settings.probe_interval.as_secs(), 30);
        let mut pauses = Pauses::default();
        let note = |pauses: &mut Pauses, is_dead, seconds| pauses.note("topic", &effects(is_dead), (at(seconds), &settings));
        assert_eq!(note(&mut pauses, true, 0), Verdict::Pause);
        assert_eq!((pauses.due(at(29)), pauses.due(at(30))), (vec![], vec!["topic".to_owned()]));
        assert_eq!(pauses.due(at(31)), Vec::<String>::new(), "one probe at a time");
        assert_eq!(note(&mut pauses, true, 40), Verdict::RestAgain);
        assert_eq!((pauses.due(at(69)), pauses.due(at(70))), (vec![], vec!["topic".to_owned()]));
        assert_eq!(note(&mut pauses, false, 71), Verdict::Resume);
        assert_eq!(pauses.due(at(1_000)), Vec::<String>::new());
    }
}
