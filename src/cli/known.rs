//! Files of records, or of dumped movements, as the world learned them: ingested, then by `known_from`.

use std::sync::Arc;

use super::exit::{Exit, Failure};
use super::input::{Input, each_message};
use super::reading::{MOVEMENTS, Reading};
use super::registry;
use super::wiring::{FeedIn, Knowledge};
use crate::config::{Config, FeedFormat};
use crate::decode::movement::known_from;
use crate::domain::{Date, FeedName, Message, Timestamp};
use crate::encode::{Effects, Topic};
use crate::reference::Reference;
use crate::replay::{Homed, KnownMovements, ReplayError, Stamp, stamp_of};
use crate::stream::Fold;
use crate::stream::registry::Registry;

/// How files are read.
pub(super) struct Known<'a> {
    pub(super) config: &'a Config,
    /// The name or path of a mapping, or `movements`.
    pub(super) mapping: &'a str,
    /// The feed of all files; else each is named by its file.
    pub(super) feed: Option<&'a FeedName>,
    /// What became known on that day or later is left out.
    pub(super) until: Option<Date>,
}

/// How many records of files were taken, or left out on purpose, and how many could not be.
#[derive(Debug, Default)]
pub(super) struct Decoded {
    taken: u64,
    lost: u64,
}

impl Decoded {
    /// Counts what became of a row.
    pub(super) fn count(&mut self, effects: &Effects) {
        let is_taken = |(outcome, _): &&(&str, u64)| matches!(*outcome, "accepted" | "excluded");
        self.taken += effects.outcomes.iter().filter(is_taken).map(|(_, count)| count).sum::<u64>();
        self.lost += effects.dead_letter.as_ref().map_or(0, |letter| letter.count);
    }

    /// Gives how many could not be taken; an input of which none was decoded is no input.
    pub(super) fn lost_of(self, rows: u64) -> Result<u64, Failure> {
        if rows == 0 || (self.taken == 0 && self.lost > 0) {
            let next = "check --as, and see what `entrepot assess` says of them";
            return Err(Failure::new(Exit::NothingDecoded, format!("none of {rows} rows could be decoded; {next}")));
        }
        Ok(self.lost)
    }
}

/// How a file is read, and who knows the schemas of its messages.
type Asking<'a> = (&'a Reading, &'a Option<Arc<Registry>>);

impl Known<'_> {
    /// Reads all once, by each that is given: its movements go beside it, `each` hears what it made of every row. Gives how many rows
    /// there were.
    pub(super) fn read(
        &self,
        inputs: &[Input],
        by: &mut [(&Knowledge, KnownMovements)],
        each: &mut dyn FnMut(usize, &Message, Effects) -> Result<(), ReplayError>,
    ) -> Result<u64, Failure> {
        if self.mapping == MOVEMENTS {
            // Two that read movements have one family map.
            let Some(reference) = by.first().map(|(knowledge, _)| knowledge.reference()) else { return Ok(0) };
            return each_movement((inputs, reference), self.until, &mut |stamp, value| match stamp {
                Stamp::Known(known_from) => by.iter_mut().try_for_each(|(_, movements)| movements.push(known_from, b"", &value)),
                // Ticks are made anew.
                Stamp::Tick(_) => Ok(()),
            });
        }
        let mut rows = 0;
        // Files of a feed in a registry's frame hold a message each, as its topic does.
        let feed = self.feed.and_then(|name| self.config.feed(name.as_str()));
        let framed = feed.and_then(|feed| feed.format).and_then(FeedFormat::framed);
        let reading = Reading::named_in(self.mapping, framed).map_err(|failure| failure.context("--as"))?;
        let registry = registry::answering(self.config, feed.map_or(&[], std::slice::from_ref))?;
        for input in inputs {
            let of_file = |(knowledge, _): &(&Knowledge, _)| self.ingest(knowledge, input, (&reading, &registry));
            let mut ingests: Vec<Box<dyn Fold>> = by.iter().map(of_file).collect();
            each_message(input, &reading, &mut |message| {
                rows += 1;
                for (index, (ingest, (_, movements))) in ingests.iter_mut().zip(by.iter_mut()).enumerate() {
                    let effects = ingest.apply(message);
                    for output in effects.outputs.iter().filter(|output| output.topic == Topic::Movements) {
                        let known_from = known_from(&output.value).expect("ingest writes movements as they are read");
                        if !is_after(self.until, known_from) {
                            movements.push(known_from, &output.key, &output.value)?;
                        }
                    }
                    each(index, message, effects)?;
                }
                Ok(())
            })?;
        }
        Ok(rows)
    }

    fn ingest(&self, knowledge: &Knowledge, input: &Input, (reading, registry): Asking<'_>) -> Box<dyn Fold> {
        let name = self.feed.cloned().unwrap_or_else(|| input.feed());
        let feed = FeedIn { name, topic: input.name.to_string(), reading: reading.clone() };
        knowledge.ingest_file(feed, self.config.ingest.payload_bytes_max, registry.clone())
    }
}

/// Hands over each movement and tick of dumped files, but for what became known on that day or later. Gives how many rows there were.
/// Refuses them in the end where these families are not those that they were put into.
pub(super) fn each_movement(
    (inputs, reference): (&[Input], &Reference),
    until: Option<Date>,
    take: &mut dyn FnMut(Stamp, Vec<u8>) -> Result<(), ReplayError>,
) -> Result<u64, Failure> {
    let (lines, mut rows, mut homed) = (Reading::lines(), 0, Homed::new(reference));
    for input in inputs {
        each_message(input, &lines, &mut |message| {
            rows += 1;
            let value = message.value.take().unwrap_or_default();
            let position = message.position.to_string();
            let stamp = stamp_of(&value).map_err(|why| ReplayError::NoMovement { position: position.clone(), why })?;
            homed.take(&position, &value)?;
            let is_left_out = match stamp {
                Stamp::Known(known_from) => is_after(until, known_from),
                // The tick of that day closes the day before it.
                Stamp::Tick(date) => until.is_some_and(|until| date > until),
            };
            if !is_left_out {
                take(stamp, value)?;
            }
            Ok(())
        })?;
    }
    homed.end()?;
    Ok(rows)
}

/// Whether something became known on that day or later.
fn is_after(until: Option<Date>, known_from: Timestamp) -> bool {
    let date = known_from.to_zoned(jiff::tz::TimeZone::UTC).date();
    until.is_some_and(|until| date >= until)
}
