//! The stages again over a range of the log: ingest over raw topics, assess over movements. Reads only; hands outputs to a gatherer.
//!
//! In the order of the log, what ingest yields is laid where it stands in `movements`, ticks included, so that a fold over it sees
//! what the live one saw; what has no place there yet follows at the end.

use std::collections::{BTreeMap, VecDeque};

use super::range::{Between, ranges};
use super::{Bounded, Gathered, KnownMovements, MovementOrder, ReplayError, Stamp, stamp_of};
use crate::domain::Message;
use crate::encode::{Effects, Output, Topic};
use crate::stream::{Fold, Home, Range, Span, Spill};

/// A message of the log as it was folded, with the dead letter it caused, for the caller to write.
pub type Lost = (Message, crate::encode::DeadLetter);

/// A bounded run over the log.
pub struct Rerun<'a> {
    /// The log.
    pub log: &'a mut dyn Home,
    /// The full name of `movements`.
    pub movements: String,
    /// Gets the outputs.
    pub gathered: &'a mut Gathered,
    /// Called for every message read; may wait.
    pub read: &'a mut dyn FnMut(u64),
    /// Gets what could not be taken.
    pub lost: &'a mut dyn FnMut(Lost) -> Result<(), ReplayError>,
}

/// What the key of a tick begins with while movements are in hand; its partition follows. No family begins so: they are capitals.
const TICK: &str = "tick/";

/// The output that a movement or tick in hand is.
pub fn movement_output(key: Vec<u8>, value: Vec<u8>) -> Output {
    let tick = std::str::from_utf8(&key).ok().and_then(|key| key.strip_prefix(TICK)?.parse().ok());
    let key = if tick.is_some() { b"tick".to_vec() } else { key };
    Output { topic: Topic::Movements, partition: tick, key, value, headers: Vec::new() }
}

/// Ingested movements by the raw message that made them, until their place is known.
#[derive(Default)]
struct Ingested {
    spill: Spill,
    order: Vec<String>,
    by_input: BTreeMap<String, VecDeque<(Vec<u8>, Span)>>,
}

impl Rerun<'_> {
    /// Folds `movements` again as they stand, each partition by itself. State from before the range is restored first, its outputs
    /// withheld: so the outputs of the range are those of the live run.
    ///
    /// # Errors
    ///
    /// Where the range is not there, or the log fails.
    pub fn assess_as_logged(&mut self, between: Between<'_>, fold: &dyn Fn() -> Box<dyn Fold>) -> Result<(), ReplayError> {
        for range in ranges(self.log, std::slice::from_ref(&self.movements), between)? {
            let mut fold = fold();
            let whole = Range { from: 0, ..range.clone() };
            let mut dead = Vec::new();
            for message in self.log.values(&whole)? {
                let message = message?;
                let effects = fold.apply(&message);
                if message.position.offset >= range.from {
                    (self.read)(1);
                    effects.outputs.iter().try_for_each(|output| self.gathered.push(output))?;
                    dead.extend(effects.dead_letter.map(|letter| (message.position, letter)));
                }
            }
            // Assess looks at no header, so none was read; a dead letter has all of them.
            for (position, letter) in dead {
                if let Some(message) = self.log.message(&position)? {
                    (self.lost)((message, letter))?;
                }
            }
        }
        Ok(())
    }

    /// Folds the movements of a range by `known_from`, with ticks made anew.
    ///
    /// # Errors
    ///
    /// As above.
    pub fn assess_as_known(&mut self, between: Between<'_>, fold: &mut dyn Fold) -> Result<(), ReplayError> {
        // One fold over all families: what it says goes out day by day, as a topic has it.
        let known = self.known(between, MovementOrder::Known)?;
        self.fold_known(known, fold)
    }

    /// The movements of a range, to be read in that order.
    ///
    /// # Errors
    ///
    /// As above.
    pub fn known(&mut self, between: Between<'_>, order: MovementOrder) -> Result<KnownMovements, ReplayError> {
        let mut known = KnownMovements::new(order);
        for range in ranges(self.log, std::slice::from_ref(&self.movements), between)? {
            for message in self.log.values(&range)? {
                let message = message?;
                (self.read)(1);
                let value = message.value.unwrap_or_default();
                let position = message.position.to_string();
                match stamp_of(&value).map_err(|why| ReplayError::NoMovement { position, why })? {
                    Stamp::Known(known_from) => known.push(known_from, &message.key.unwrap_or_default(), &value)?,
                    Stamp::Tick(_) => {}
                }
            }
        }
        Ok(known)
    }

    /// Reads the raw topics of a range again. As logged: movements in the order in which they stand in the log, ticks between them.
    ///
    /// # Errors
    ///
    /// As above.
    pub fn ingest(&mut self, raw: &[String], between: Between<'_>, ingest: &mut dyn Fold) -> Result<KnownMovements, ReplayError> {
        let ingested = self.ingest_range(raw, between, ingest)?;
        self.in_order_of_log(ingested, between)
    }

    /// The same, by `known_from`.
    ///
    /// # Errors
    ///
    /// As above.
    pub fn ingest_as_known(
        &mut self,
        raw: &[String],
        between: Between<'_>,
        ingest: &mut dyn Fold,
    ) -> Result<KnownMovements, ReplayError> {
        let [known] = self.ingest_by(raw, (between, MovementOrder::Known), [ingest])?;
        Ok(known)
    }

    /// The same by several, each for itself, in that order; the log is read once.
    ///
    /// # Errors
    ///
    /// As above.
    pub fn ingest_by<const N: usize>(
        &mut self,
        raw: &[String],
        (between, order): (Between<'_>, MovementOrder),
        mut ingests: [&mut dyn Fold; N],
    ) -> Result<[KnownMovements; N], ReplayError> {
        let mut all = std::array::from_fn(|_| KnownMovements::new(order));
        for range in ranges(self.log, raw, between)? {
            for message in self.log.range(&range)? {
                let message = message?;
                (self.read)(1);
                for (ingest, known) in ingests.iter_mut().zip(&mut all) {
                    let effects = ingest.apply(&message);
                    if let Some(letter) = effects.dead_letter {
                        (self.lost)((message.clone(), letter))?;
                    }
                    for output in effects.outputs.iter().filter(|output| output.topic == Topic::Movements) {
                        if let Ok(Stamp::Known(known_from)) = stamp_of(&output.value) {
                            known.push(known_from, &output.key, &output.value)?;
                        }
                    }
                }
            }
        }
        Ok(all)
    }

    /// Folds movements by `known_from`, and closes with the day after the highest.
    ///
    /// # Errors
    ///
    /// Where scratch space fails.
    pub fn fold_known(&mut self, known: KnownMovements, fold: &mut dyn Fold) -> Result<(), ReplayError> {
        let gathered = &mut *self.gathered;
        let mut sink = |effects: Effects| effects.outputs.iter().try_for_each(|output| gathered.push(output));
        Bounded::new(fold, &mut sink).all(known, None)
    }

    fn ingest_range(&mut self, raw: &[String], between: Between<'_>, fold: &mut dyn Fold) -> Result<Ingested, ReplayError> {
        let mut ingested = Ingested::default();
        for range in ranges(self.log, raw, between)? {
            for message in self.log.range(&range)? {
                let message = message?;
                (self.read)(1);
                let effects = fold.apply(&message);
                if let Some(letter) = effects.dead_letter {
                    (self.lost)((message.clone(), letter))?;
                }
                let input = message.position.to_string();
                for output in effects.outputs.into_iter().filter(|output| output.topic == Topic::Movements) {
                    let span = ingested.spill.push(&output.value)?;
                    let waiting = ingested.by_input.entry(input.clone()).or_default();
                    if waiting.is_empty() {
                        ingested.order.push(input.clone());
                    }
                    waiting.push_back((output.key, span));
                }
            }
        }
        Ok(ingested)
    }

    fn in_order_of_log(&mut self, mut ingested: Ingested, between: Between<'_>) -> Result<KnownMovements, ReplayError> {
        ingested.spill.settle()?;
        let mut ordered = KnownMovements::new(MovementOrder::Given);
        let mut value = Vec::new();
        let described = self.log.topics()?;
        let partitions = described.iter().find(|topic| topic.name == self.movements).map_or(0, |topic| topic.partitions);
        for partition in 0..partitions {
            let until = between.end_of(&self.movements, partition);
            let range = Range { topic: self.movements.clone(), partition, from: 0, until };
            for message in self.log.range(&range)? {
                let message = message?;
                let key = message.key.as_deref().unwrap_or_default();
                if let Some(tick) = message.value.as_deref().filter(|value| matches!(stamp_of(value), Ok(Stamp::Tick(_)))) {
                    ordered.push_as_given(format!("{TICK}{partition}").as_bytes(), tick)?;
                } else if let Some(span) = message.header("entrepot-input").and_then(|input| ingested.take(input, key)) {
                    ingested.spill.read(span, &mut value)?;
                    ordered.push_as_given(key, &value)?;
                }
            }
        }
        for input in &ingested.order {
            for (key, span) in ingested.by_input.remove(input).into_iter().flatten() {
                ingested.spill.read(span, &mut value)?;
                ordered.push_as_given(&key, &value)?;
            }
        }
        Ok(ordered)
    }
}

impl Ingested {
    /// Takes out what a raw message yielded for a family.
    fn take(&mut self, input: &str, family: &[u8]) -> Option<Span> {
        let waiting = self.by_input.get_mut(input)?;
        let index = waiting.iter().position(|(key, _)| key == family)?;
        waiting.remove(index).map(|(_, span)| span)
    }
}
