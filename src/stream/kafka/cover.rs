//! Whether every partition of a group's topics is somebody's. A member that ends after partitions were taken from it and before it has joined
//! again leaves them to nobody: whoever comes under its name is handed what is left to it without a rebalance, and nobody hears of the rest.
//! Only a member that leaves and joins brings them back.

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rdkafka::consumer::BaseConsumer;

use super::context::Context;
use super::members::Members;
use super::native::members;
use crate::domain::Partition;

/// How often the group is looked at.
const LOOK: Duration = Duration::from_secs(10);
/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long partitions are nobody's at first until a member acts: in a rebalance they are for as long as a member needs to give them up.
const LONG: Duration = Duration::from_secs(30);
/// Where acting does not help it is done ever less often, down to once in this time.
const LONGEST: Duration = Duration::from_secs(600);

/// What is known of a group's members.
pub(super) struct Cover {
    /// Asks on a thread of its own, since it waits for every broker.
    question: Option<JoinHandle<Members>>,
    asked: Option<Instant>,
    /// Since when partitions are nobody's.
    since: Option<Instant>,
    /// How long that may last.
    patience: Duration,
}

impl Cover {
    pub(super) fn new() -> Cover {
        Cover { question: None, asked: None, since: None, patience: LONG }
    }

    /// Asks now and then, and hears the answer when it is there; never waits. Whether this member is to leave and join.
    pub(super) fn look<'a>(
        &mut self,
        consumer: &Arc<BaseConsumer<Context>>,
        (group, member): (&str, &str),
        topics: impl Iterator<Item = (&'a str, Partition)>,
        now: Instant,
    ) -> bool {
        if let Some(question) = self.question.take_if(|question| question.is_finished()) {
            return self.hear(&question.join().unwrap_or_default(), member, topics, now);
        }
        let is_due = self.asked.is_none_or(|asked| now.saturating_duration_since(asked) >= LOOK);
        if self.question.is_none() && is_due {
            self.asked = Some(now);
            let (consumer, group) = (Arc::clone(consumer), group.to_owned());
            let ask = move || members(&consumer, &group, PATIENCE);
            self.question = std::thread::Builder::new().name("group-members".to_owned()).spawn(ask).ok();
        }
        false
    }

    /// Waits until nobody asks the client any more.
    pub(super) fn end(&mut self) {
        self.question.take().map(JoinHandle::join);
    }

    /// One acts, the first by name: all hear the same.
    fn hear<'a>(
        &mut self,
        members: &Members,
        member: &str,
        topics: impl Iterator<Item = (&'a str, Partition)>,
        now: Instant,
    ) -> bool {
        let Some(first) = members.shares.iter().map(|(name, _)| name).min().filter(|_| members.is_stable) else {
            self.since = None;
            return false;
        };
        if members.have_all(topics) {
            (self.since, self.patience) = (None, LONG);
            return false;
        }
        let since = *self.since.get_or_insert(now);
        if now.saturating_duration_since(since) < self.patience {
            return false;
        }
        self.since = None;
        self.patience = (self.patience * 2).min(LONGEST);
        first == member
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::clock::now;
    use super::*;

    /// What a member has.
    type Share = (&'static str, &'static [i32]);

    /// The seconds at which member `a` acts, of those at which it hears whether all are there, and who has what.
    #[track_caller]
    fn check(heard: &[(u64, bool, &[Share])], wanted: &[u64]) {
        let (mut cover, begin) = (Cover::new(), now());
        let mut acts = |(second, is_stable, shares): &(u64, bool, &[Share])| {
            let part = |number: &i32| ("in".to_owned(), *number);
            let share = |(name, numbers): &Share| ((*name).to_owned(), numbers.iter().map(part).collect());
            let members = Members { is_stable: *is_stable, shares: shares.iter().map(share).collect() };
            cover.hear(&members, "a", [("in", 3), ("unknown", 0)].into_iter(), begin + Duration::from_secs(*second))
        };
        let acted: Vec<u64> = heard.iter().filter(|said| acts(said)).map(|(second, ..)| *second).collect();
        assert_eq!(acted, wanted);
    }

    #[test]
    fn the_first_member_acts_where_partitions_stay_nobodys() {
        const HOLE: &[Share] = &[("b", &[2]), ("a", &[0])];
        const WHOLE: &[Share] = &[("b", &[2, 1]), ("a", &[0])];
        check(&[(0, true, HOLE), (29, true, HOLE), (30, true, HOLE)], &[30]);
        // Ever less often where it does not help, until it has.
        check(&[(0, true, HOLE), (30, true, HOLE), (40, true, HOLE), (99, true, HOLE), (100, true, HOLE)], &[30, 100]);
        check(
            &[(0, true, HOLE), (30, true, HOLE), (40, true, WHOLE), (50, true, HOLE), (79, true, HOLE), (80, true, HOLE)],
            &[30, 80],
        );
        // A rebalance, or an answer that is none, begins anew.
        check(&[(0, true, HOLE), (20, false, HOLE), (30, true, HOLE), (59, true, HOLE), (60, true, HOLE)], &[60]);
        check(&[(0, true, HOLE), (20, false, &[]), (40, true, HOLE)], &[]);
        check(&[(0, true, WHOLE), (60, true, WHOLE)], &[]);
        // Another is the first.
        check(&[(0, true, &[("A", &[0, 1]), ("a", &[])]), (60, true, &[("A", &[0, 1]), ("a", &[])])], &[]);
    }
}
