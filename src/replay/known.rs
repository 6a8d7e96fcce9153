//! Movements as the world learned them: by `known_from`, with the ticks of the days between, and a closing one. The only place that
//! makes ticks for a bounded run.

use std::sync::Arc;

use serde::Deserialize;

use super::ReplayError;
use crate::domain::{Date, Message, Position, Timestamp};
use crate::encode::{Effects, TICK_KEY, tick};
use crate::stream::{Fold, Span, Spill};

/// What a bounded run must know of a movement: when it became known, or that it is a tick.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stamp {
    /// A record, and when it became known.
    Known(Timestamp),
    /// A tick.
    Tick(Date),
}

#[derive(Deserialize)]
struct StampRead<'a> {
    kind: Option<&'a str>,
    date: Option<&'a str>,
    known_from: Option<&'a str>,
}

/// Reads the stamp of a value of `movements`.
///
/// # Errors
///
/// What is wrong, in words, where it is no movement.
pub fn stamp_of(value: &[u8]) -> Result<Stamp, String> {
    let read: StampRead<'_> = serde_json::from_slice(value).map_err(|error| error.to_string())?;
    match (read.kind, read.date, read.known_from) {
        (Some("tick"), Some(date), _) => date.parse().map(Stamp::Tick).map_err(|_| format!("date {date:?} is no date")),
        (Some(_), _, Some(known)) => known.parse().map(Stamp::Known).map_err(|_| format!("known_from {known:?} is no instant")),
        _ => Err("kind and known_from, or kind tick and date, are missing".to_owned()),
    }
}

/// Movements put aside until all are there, then read by `known_from`; equal instants keep the order in which they came.
#[derive(Debug, Default)]
pub struct KnownMovements {
    as_given: bool,
    spill: Spill,
    index: Vec<Entry>,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    known_from: Timestamp,
    key: Span,
    value: Span,
}

impl KnownMovements {
    /// None yet. Where they are wanted as given, they are not sorted.
    pub fn new(as_given: bool) -> KnownMovements {
        KnownMovements { as_given, ..KnownMovements::default() }
    }

    /// Puts a movement aside.
    ///
    /// # Errors
    ///
    /// Where scratch space fails.
    pub fn push(&mut self, known_from: Timestamp, key: &[u8], value: &[u8]) -> Result<(), ReplayError> {
        let (key, value) = (self.spill.push(key)?, self.spill.push(value)?);
        self.index.push(Entry { known_from, key, value });
        Ok(())
    }

    /// Puts a movement or a tick aside where order does not matter, because it is as given.
    ///
    /// # Errors
    ///
    /// Where scratch space fails.
    pub fn push_as_given(&mut self, key: &[u8], value: &[u8]) -> Result<(), ReplayError> {
        self.push(Timestamp::UNIX_EPOCH, key, value)
    }

    /// How many are there.
    pub fn len(&self) -> usize {
        self.index.len()
    }

    /// Whether none is there.
    pub fn is_empty(&self) -> bool {
        self.index.is_empty()
    }

    /// Hands over each in order.
    ///
    /// # Errors
    ///
    /// Where scratch space fails, or what `take` returns.
    pub fn drain(
        mut self,
        take: &mut dyn FnMut(Timestamp, Vec<u8>, Vec<u8>) -> Result<(), ReplayError>,
    ) -> Result<(), ReplayError> {
        self.spill.settle()?;
        if !self.as_given {
            self.index.sort_by_key(|entry| entry.known_from);
        }
        for entry in &self.index {
            let (mut key, mut value) = (Vec::new(), Vec::new());
            self.spill.read(entry.key, &mut key)?;
            self.spill.read(entry.value, &mut value)?;
            take(entry.known_from, key, value)?;
        }
        Ok(())
    }
}

/// A fold that is driven through a bounded range, with the ticks of its days.
pub struct Bounded<'a> {
    fold: &'a mut dyn Fold,
    sink: &'a mut dyn FnMut(Effects) -> Result<(), ReplayError>,
    topic: Arc<str>,
    next_offset: i64,
    highest: Option<Date>,
}

impl<'a> Bounded<'a> {
    /// Drives this fold; what it causes goes to `sink`.
    pub fn new(fold: &'a mut dyn Fold, sink: &'a mut dyn FnMut(Effects) -> Result<(), ReplayError>) -> Bounded<'a> {
        Bounded { fold, sink, topic: "movements".into(), next_offset: 0, highest: None }
    }

    /// Folds all of them in as they come, and ends the range.
    ///
    /// # Errors
    ///
    /// What the sink returns, or where scratch space fails.
    pub fn all(&mut self, movements: KnownMovements, until: Option<Date>) -> Result<(), ReplayError> {
        movements.drain(&mut |known_from, key, value| self.movement(known_from, key, value))?;
        self.close(until)
    }

    /// Folds a movement in, after the ticks of the days since the last.
    ///
    /// # Errors
    ///
    /// What the sink returns.
    pub fn movement(&mut self, known_from: Timestamp, key: Vec<u8>, value: Vec<u8>) -> Result<(), ReplayError> {
        self.pass_days(date_of(known_from))?;
        self.as_given(key, value)
    }

    /// Folds a message in as it stands: a movement, or a tick of the log.
    ///
    /// # Errors
    ///
    /// What the sink returns.
    pub fn as_given(&mut self, key: Vec<u8>, value: Vec<u8>) -> Result<(), ReplayError> {
        self.fold_one(key, value).map(|_| ())
    }

    /// Ends the range with the tick of `until`, else of the day after the highest `known_from`, repeated until nothing is left over.
    ///
    /// # Errors
    ///
    /// What the sink returns.
    pub fn close(&mut self, until: Option<Date>) -> Result<(), ReplayError> {
        let after = self.highest.and_then(|date| date.tomorrow().ok());
        let Some(closing) = until.or(after) else { return Ok(()) };
        if let Some(eve) = closing.yesterday().ok().filter(|_| self.highest.is_some()) {
            self.pass_days(eve)?;
        }
        while self.tick(closing)? {}
        Ok(())
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

    fn tick(&mut self, date: Date) -> Result<bool, ReplayError> {
        self.fold_one(TICK_KEY.to_vec(), tick(date))
    }

    fn fold_one(&mut self, key: Vec<u8>, value: Vec<u8>) -> Result<bool, ReplayError> {
        let position = Position { topic: self.topic.clone(), partition: 0, offset: self.next_offset };
        self.next_offset += 1;
        let message = Message { position, timestamp: None, key: Some(key), value: Some(value), headers: Vec::new() };
        let effects = self.fold.apply(&message);
        let spoke = !effects.outputs.is_empty();
        (self.sink)(effects)?;
        Ok(spoke)
    }
}

/// The UTC date of an instant.
fn date_of(instant: Timestamp) -> Date {
    instant.to_zoned(jiff::tz::TimeZone::UTC).date()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encode::{Output, Topic};

    /// Answers with what it was told; after the tick of 4 January it has two outputs left over.
    struct Echo {
        seen: Vec<String>,
        left_over: usize,
    }

    impl Fold for Echo {
        fn apply(&mut self, message: &Message) -> Effects {
            let value = String::from_utf8(message.value.clone().unwrap()).unwrap();
            let is_closing = value.contains("2025-01-04");
            self.seen.push(value.clone());
            let mut effects = Effects::default();
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
    }

    fn run(known: &[(&str, &str)], until: Option<&str>) -> Vec<String> {
        let mut movements = KnownMovements::default();
        for (known_from, value) in known {
            movements.push(known_from.parse().unwrap(), b"SB", value.as_bytes()).unwrap();
        }
        let mut echo = Echo { seen: Vec::new(), left_over: 2 };
        let mut sink = |_| Ok(());
        let mut bounded = Bounded::new(&mut echo, &mut sink);
        movements.drain(&mut |known_from, key, value| bounded.movement(known_from, key, value)).unwrap();
        bounded.close(until.map(|date| date.parse().unwrap())).unwrap();
        let day = |value: &String| value.split('"').nth(7).map_or_else(|| value.clone(), |date| date[8..].to_owned());
        echo.seen.iter().map(day).collect()
    }

    #[test]
    fn days_pass_between_movements_and_the_closing_tick_repeats_until_nothing_is_left() {
        let known = [("2025-01-03T10:00:00Z", "b"), ("2025-01-01T23:00:00Z", "a"), ("2025-01-03T10:00:00Z", "c")];
        assert_eq!(run(&known, None), ["a", "02", "03", "b", "c", "04", "04", "04"]);
    }

    #[test]
    fn until_closes_with_its_own_tick() {
        assert_eq!(run(&[("2025-01-02T00:00:00Z", "a")], Some("2025-01-04")), ["a", "03", "04", "04", "04"]);
        assert_eq!(run(&[], None), Vec::<String>::new());
    }

    #[test]
    fn stamps_are_read_from_movements_and_ticks() {
        let tick = br#"{"kind":"tick","date":"2025-04-04"}"#;
        assert_eq!(stamp_of(tick), Ok(Stamp::Tick("2025-04-04".parse().unwrap())));
        let movement = br#"{"kind":"movement","family":"SB","known_from":"2025-04-04T00:00:00Z","record":{"kind":"x"}}"#;
        assert_eq!(stamp_of(movement), Ok(Stamp::Known("2025-04-04T00:00:00Z".parse().unwrap())));
        assert!(stamp_of(b"{}").is_err() && stamp_of(b"nonsense").is_err());
    }
}
