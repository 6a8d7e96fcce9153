//! A fold driven through a bounded range. The only place that makes ticks for one: those of the days between movements, and a closing one.

use std::sync::Arc;

use super::ReplayError;
use super::known::{KnownMovements, Turn, date_of};
use crate::domain::{Date, Message, Position, Timestamp};
use crate::encode::{Effects, TICK_KEY, tick};
use crate::stream::Fold;

/// A fold that is driven through a bounded range, with the ticks of its days.
pub struct Bounded<'a> {
    fold: &'a mut dyn Fold,
    sink: &'a mut dyn FnMut(Effects) -> Result<(), ReplayError>,
    topic: Arc<str>,
    next_offset: i64,
    highest: Option<Date>,
    /// The first day of all families and the last, where they come in groups: each group has the ticks of all days.
    days: Option<(Date, Date)>,
    ticks: u64,
    /// How many ticks a group has had at most. So many are told: each counts once, however many groups have it.
    ticks_told: u64,
}

impl<'a> Bounded<'a> {
    /// Drives this fold; what it causes goes to `sink`.
    pub fn new(fold: &'a mut dyn Fold, sink: &'a mut dyn FnMut(Effects) -> Result<(), ReplayError>) -> Bounded<'a> {
        let topic = "movements".into();
        Bounded { fold, sink, topic, next_offset: 0, highest: None, days: None, ticks: 0, ticks_told: 0 }
    }

    /// Folds all of them in as they come, and ends the range.
    ///
    /// # Errors
    ///
    /// What the sink returns, or where scratch space fails.
    pub fn all(&mut self, movements: KnownMovements, until: Option<Date>) -> Result<(), ReplayError> {
        side_by_side(movements, &mut [self], until)
    }

    /// Folds a movement in, after the ticks of the days since the last.
    fn movement(&mut self, known_from: Timestamp, key: Vec<u8>, value: Vec<u8>) -> Result<(), ReplayError> {
        self.pass_days(date_of(known_from))?;
        self.as_given(key, value)
    }

    /// Folds a message in as it stands: a movement, or a tick of the log.
    ///
    /// # Errors
    ///
    /// What the sink returns.
    pub fn as_given(&mut self, key: Vec<u8>, value: Vec<u8>) -> Result<(), ReplayError> {
        let effects = self.fold_one(key, value);
        (self.sink)(effects)
    }

    /// Ends the range with the tick of the day after the highest `known_from`, or of `until` where that is later, repeated until nothing is
    /// left over.
    fn close(&mut self, until: Option<Date>) -> Result<(), ReplayError> {
        let last = self.days.map(|(_, last)| last).or(self.highest);
        let Some(closing) = until.max(last.and_then(|date| date.tomorrow().ok())) else { return Ok(()) };
        if let Some(eve) = closing.yesterday().ok().filter(|_| self.highest.is_some()) {
            self.pass_days(eve)?;
        }
        while self.tick(closing)? {}
        Ok(())
    }

    /// Other families follow, of which nothing that was folded in knows.
    fn next_group(&mut self) {
        self.fold.renew();
        self.begin(self.days);
    }

    fn begin(&mut self, days: Option<(Date, Date)>) {
        self.days = days;
        self.highest = days.map(|(first, _)| first);
        self.ticks = 0;
    }

    fn pass_days(&mut self, date: Date) -> Result<(), ReplayError> {
        if let Some(highest) = self.highest {
            let mut day = highest;
            while day < date {
                let Ok(next) = day.tomorrow() else { break };
                day = next;
                self.tick(day)?;
            }
        }
        self.highest = self.highest.max(Some(date));
        Ok(())
    }

    /// Gives whether there were outputs.
    fn tick(&mut self, date: Date) -> Result<bool, ReplayError> {
        let mut effects = self.fold_one(TICK_KEY.to_vec(), tick(date));
        self.ticks += 1;
        if self.ticks <= self.ticks_told {
            effects.outcomes.clear();
        }
        self.ticks_told = self.ticks_told.max(self.ticks);
        let spoke = !effects.outputs.is_empty();
        (self.sink)(effects)?;
        Ok(spoke)
    }

    fn fold_one(&mut self, key: Vec<u8>, value: Vec<u8>) -> Effects {
        let position = Position { topic: self.topic.clone(), partition: 0, offset: self.next_offset };
        self.next_offset += 1;
        let message = Message { position, timestamp: None, key: Some(key), value: Some(value), headers: Vec::new() };
        self.fold.apply(&message)
    }
}

/// Folds movements in as they come, by each of these, and ends the range. Families that come in groups are folded group by group, each
/// from an empty fold with the ticks of all days: a family depends on no other, so the outputs are those of one fold.
///
/// # Errors
///
/// What a sink returns, or where scratch space fails.
pub fn side_by_side(movements: KnownMovements, folds: &mut [&mut Bounded<'_>], until: Option<Date>) -> Result<(), ReplayError> {
    let days = movements.days_of_groups();
    folds.iter_mut().for_each(|bounded| bounded.begin(days));
    movements.drain_in_groups(&mut |turn| match turn {
        Turn::Movement(known_from, key, value) => {
            let Some((last, others)) = folds.split_last_mut() else { return Ok(()) };
            others.iter_mut().try_for_each(|bounded| bounded.movement(known_from, key.clone(), value.clone()))?;
            last.movement(known_from, key, value)
        }
        Turn::NextGroup => folds.iter_mut().try_for_each(|bounded| {
            bounded.close(until)?;
            bounded.next_group();
            Ok(())
        }),
    })?;
    folds.iter_mut().try_for_each(|bounded| bounded.close(until))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encode::{Output, Topic};
    use crate::replay::MovementOrder;

    /// Answers with what it was told; after the tick of 4 January it has outputs left over.
    struct Echo {
        seen: Vec<String>,
        left_over: usize,
    }

    impl Fold for Echo {
        fn apply(&mut self, message: &Message) -> Effects {
            let value = String::from_utf8(message.value.clone().unwrap()).unwrap();
            let is_closing = value.contains("2025-01-04");
            let outcome = if value.contains("tick") { "tick" } else { "context" };
            self.seen.push(value);
            let mut effects = Effects { outcomes: vec![(outcome, 1)], ..Effects::default() };
            if is_closing && self.left_over > 0 {
                self.left_over -= 1;
                let output = Output { topic: Topic::Corridors, partition: None, key: vec![], value: vec![], headers: vec![] };
                effects.outputs.push(output);
            }
            effects
        }

        fn state_bytes(&self) -> u64 {
            0
        }

        fn renew(&mut self) {
            self.seen.push("anew".to_owned());
            self.left_over = 1;
        }
    }

    /// What the fold sees: days of ticks, and movements by their last digit. And how many ticks are told.
    fn run(known: &[(&str, &str)], until: Option<&str>, memory: usize) -> (Vec<String>, u64) {
        let mut movements = KnownMovements::holding(MovementOrder::Families, memory);
        for (known_from, value) in known {
            movements.push(known_from.parse().unwrap(), b"SB", value.as_bytes()).unwrap();
        }
        let mut echo = Echo { seen: Vec::new(), left_over: 2 };
        let mut ticks = 0;
        let mut sink = |effects: Effects| {
            ticks += effects.outcomes.iter().filter(|(outcome, _)| *outcome == "tick").count() as u64;
            Ok(())
        };
        Bounded::new(&mut echo, &mut sink).all(movements, until.map(|date| date.parse().unwrap())).unwrap();
        let day = |value: &String| value.split('"').nth(7).map_or_else(|| value.clone(), |date| date[8..].to_owned());
        (echo.seen.iter().map(day).collect(), ticks)
    }

    #[test]
    fn days_pass_between_movements_and_the_closing_tick_repeats_until_nothing_is_left() {
        let known = [("2025-01-03T10:00:00Z", "b"), ("2025-01-01T23:00:00Z", "a"), ("2025-01-03T10:00:00Z", "c")];
        let (seen, ticks) = run(&known, None, 1 << 20);
        assert_eq!((seen.join(" "), ticks), ("a 02 03 b c 04 04 04".to_owned(), 5));
    }

    #[test]
    fn until_closes_with_its_own_tick() {
        let seen = |known: &[(&str, &str)], until| run(known, until, 1 << 20).0.join(" ");
        assert_eq!(seen(&[("2025-01-02T00:00:00Z", "a")], Some("2025-01-04")), "a 03 04 04 04");
        assert_eq!(
            seen(&[("2025-01-03T00:00:00Z", "a")], Some("2025-01-01")),
            "a 04 04 04",
            "what is known is never left unsaid"
        );
        assert_eq!(seen(&[], Some("2025-01-04")), "04 04 04");
        assert_eq!(seen(&[], None), "");
    }

    #[test]
    fn each_group_of_families_has_the_days_of_all_and_each_tick_is_told_once() {
        let [a, b, c] = ["H6001", "H6002", "SB"].map(|family| format!(r#"{{"trade_flow":[["{family}"]]}}"#));
        let known = [
            ("2025-01-03T10:00:00Z", &a),
            ("2025-01-01T23:00:00Z", &b),
            ("2025-01-02T10:00:00Z", &c),
            ("2025-01-02T11:00:00Z", &b),
        ];
        let known = known.map(|(known_from, value)| (known_from, value.as_str()));
        let (seen, ticks) = run(&known, None, 0);
        let mut groups: Vec<String> = seen.split(|seen| seen == "anew").map(|group| group.join(" ")).collect();
        // The fold has two outputs left over at first, and one when it begins anew.
        assert_eq!(groups.iter().map(|group| group.matches("04").count()).collect::<Vec<_>>(), [3, 2, 2]);
        groups.iter_mut().for_each(|group| *group = group.replace(" 04 04 04", " 04 04"));
        groups.sort();
        assert_eq!(groups, [format!("02 03 {a} 04 04"), format!("02 {c} 03 04 04"), format!("{b} 02 {b} 03 04 04")]);
        assert_eq!(ticks, 5, "as many as the group with most has");
        assert_eq!(run(&known, Some("2025-01-04"), 0), (seen, ticks));
    }
}
