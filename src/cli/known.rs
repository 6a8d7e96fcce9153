//! Files of records, or of dumped movements, as the world learned them: ingested, then by `known_from`.

use super::exit::Failure;
use super::input::{Input, each_message};
use super::reading::{MOVEMENTS, Reading};
use super::wiring::{FeedIn, Knowledge};
use crate::config::Config;
use crate::domain::{Date, FeedName, Message, Timestamp};
use crate::encode::{Effects, Topic};
use crate::replay::{KnownMovements, ReplayError, Stamp, stamp_of};

/// How files are read.
pub(super) struct Known<'a> {
    pub(super) config: &'a Config,
    pub(super) knowledge: &'a Knowledge,
    /// The name or path of a mapping, or `movements`.
    pub(super) mapping: &'a str,
    /// The feed of all files; else each is named by its file.
    pub(super) feed: Option<&'a FeedName>,
    /// What became known on that day or later is left out.
    pub(super) until: Option<Date>,
}

impl Known<'_> {
    /// Reads all; `each` hears what became of every row. Gives the movements, and how many rows there were.
    pub(super) fn read(
        &self,
        inputs: &[Input],
        mut movements: KnownMovements,
        each: &mut dyn FnMut(&Message, Effects),
    ) -> Result<(KnownMovements, u64), Failure> {
        if self.mapping == MOVEMENTS {
            let rows = each_movement(inputs, self.until, &mut |stamp, value| match stamp {
                Stamp::Known(known_from) => movements.push(known_from, b"", &value),
                // Ticks are made anew.
                Stamp::Tick(_) => Ok(()),
            })?;
            return Ok((movements, rows));
        }
        let mut rows = 0;
        let reading = Reading::said(self.mapping)?;
        for input in inputs {
            let feed = self.feed.cloned().unwrap_or_else(|| input.feed());
            let feed = FeedIn { name: feed, topic: input.name.to_string(), reading: reading.clone() };
            let mut ingest = self.knowledge.ingest(vec![feed], self.config.ingest.payload_bytes_max);
            each_message(input, &reading, &mut |message| {
                rows += 1;
                let effects = ingest.apply(&message);
                for output in effects.outputs.iter().filter(|output| output.topic == Topic::Movements) {
                    let Ok(Stamp::Known(known_from)) = stamp_of(&output.value) else { continue };
                    if !is_after(self.until, known_from) {
                        movements.push(known_from, &output.key, &output.value)?;
                    }
                }
                each(&message, effects);
                Ok(())
            })?;
        }
        Ok((movements, rows))
    }
}

/// Hands over each movement and tick of dumped files, but for what became known on that day or later. Gives how many rows there were.
pub(super) fn each_movement(
    inputs: &[Input],
    until: Option<Date>,
    take: &mut dyn FnMut(Stamp, Vec<u8>) -> Result<(), ReplayError>,
) -> Result<u64, Failure> {
    let (lines, mut rows) = (Reading::lines(), 0);
    for input in inputs {
        each_message(input, &lines, &mut |message| {
            rows += 1;
            let value = message.value.unwrap_or_default();
            let position = message.position.to_string();
            match stamp_of(&value).map_err(|why| ReplayError::NoMovement { position, why })? {
                Stamp::Known(known_from) if is_after(until, known_from) => {}
                stamp => take(stamp, value)?,
            }
            Ok(())
        })?;
    }
    Ok(rows)
}

/// Whether something became known on that day or later.
fn is_after(until: Option<Date>, known_from: Timestamp) -> bool {
    let date = known_from.to_zoned(jiff::tz::TimeZone::UTC).date();
    until.is_some_and(|until| date >= until)
}
