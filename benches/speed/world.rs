//! What the measures run on: a seeded world, as raw messages and as movements in the order of a log. Measures nothing.

use std::sync::Arc;

use entrepot::assess::{Assess, Knowledge};
use entrepot::decode::Decoder;
use entrepot::domain::{Date, FeedName, Message, Position, Timestamp};
use entrepot::encode::{Topic, tick};
use entrepot::ingest::{Feed, Ingest, IngestLimits};
use entrepot::reference::Reference;
use entrepot::replay::simulate::{Scheme, World, simulate};
use entrepot::replay::{Stamp, stamp_of};
use entrepot::scoring::Model;

/// The raw topic.
pub(crate) const RAW: &str = "raw";

/// The bundle and model as shipped.
pub(crate) fn knowledge() -> Knowledge {
    Knowledge::new(Arc::clone(Reference::built_in()), Arc::new(Model::built_in()))
}

/// An empty assess stage.
pub(crate) fn assess() -> Assess {
    Assess::new(knowledge())
}

/// The ingest stage for one feed.
pub(crate) fn ingest(feed: &str, decoder: Decoder) -> Ingest {
    let name: FeedName = feed.parse().expect("the names of the bench's feeds are names");
    let feed = Feed { name, topic: RAW.to_owned(), decoder: Arc::new(decoder) };
    let limits = IngestLimits { payload_bytes_max: 1_000_000, default_lag_days: 45 };
    Ingest::new(vec![feed], Arc::clone(Reference::built_in()), limits)
}

/// A message of a topic.
pub(crate) fn message(topic: &Arc<str>, offset: usize, value: Vec<u8>) -> Message {
    let offset = i64::try_from(offset).unwrap_or(i64::MAX);
    let position = Position { topic: Arc::clone(topic), partition: 0, offset };
    Message { position, timestamp: None, key: None, value: Some(value), headers: Vec::new() }
}

/// Canonical records of a seeded world in which some goods are relabelled, as they became known.
pub(crate) fn records(count: usize) -> impl Iterator<Item = Vec<u8>> {
    let world = World {
        seed: 1,
        records: count as u64,
        from: "2023-01".parse().expect("a month"),
        until: "2025-07".parse().expect("a month"),
        schemes: vec![Scheme::Relabel],
        mix: None,
    };
    simulate(&world).map(|simulated| simulated.record)
}

/// The same as raw messages.
pub(crate) fn raw(count: usize) -> Vec<Message> {
    let topic: Arc<str> = RAW.into();
    records(count).enumerate().map(|(offset, record)| message(&topic, offset, record)).collect()
}

/// What stands on `movements` once raw messages are ingested: movements in their order, with the tick of each new day before it.
pub(crate) struct Movements {
    ingest: Ingest,
    day: Option<Date>,
}

impl Movements {
    /// None yet.
    pub(crate) fn new() -> Movements {
        Movements { ingest: ingest("sim", Decoder::canonical(false)), day: None }
    }

    /// Key and value of each that a raw message adds.
    pub(crate) fn of(&mut self, raw: &Message) -> Vec<(Vec<u8>, Vec<u8>)> {
        let mut all = Vec::new();
        for output in self.ingest.apply(raw).outputs.into_iter().filter(|output| output.topic == Topic::Movements) {
            let Ok(Stamp::Known(known_from)) = stamp_of(&output.value) else { continue };
            let day = date(known_from);
            if self.day.is_none_or(|last| last < day) {
                all.push((b"tick".to_vec(), tick(day)));
                self.day = Some(day);
            }
            all.push((output.key, output.value));
        }
        all
    }

    /// The tick of the day after the last.
    pub(crate) fn closing(&self) -> Option<(Vec<u8>, Vec<u8>)> {
        Some((b"tick".to_vec(), tick(self.day?.tomorrow().ok()?)))
    }
}

/// All movements of raw messages, closed.
pub(crate) fn movements(raw: &[Message]) -> Vec<Message> {
    let topic: Arc<str> = "movements".into();
    let mut made = Movements::new();
    let mut all: Vec<(Vec<u8>, Vec<u8>)> = raw.iter().flat_map(|message| made.of(message)).collect();
    all.extend(made.closing());
    all.into_iter().enumerate().map(|(offset, (_, value))| message(&topic, offset, value)).collect()
}

/// The UTC date of an instant.
pub(crate) fn date(instant: Timestamp) -> Date {
    instant.to_zoned(jiff::tz::TimeZone::UTC).date()
}
