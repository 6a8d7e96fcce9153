//! Both stages in memory: canonical records in, every output out, in order. The shortest way from a record to a verdict.

#![allow(dead_code, unreachable_pub, reason = "several tests share it, and none uses all of it")]

use std::collections::BTreeMap;
use std::sync::Arc;

use entrepot::assess::{Assess, Knowledge};
use entrepot::decode::Decoder;
use entrepot::domain::{Date, Message, Position, Timestamp};
use entrepot::encode::{Output, TICK_KEY, Topic, tick};
use entrepot::ingest::{Feed, Ingest, IngestLimits};
use entrepot::reference::Reference;
use entrepot::scoring::Model;
use serde_json::Value;

/// The bundle and model as shipped.
pub fn knowledge() -> Knowledge {
    Knowledge::new(Arc::clone(Reference::built_in()), Arc::new(Model::built_in()))
}

/// A message of a file or a topic.
pub fn message(topic: &str, offset: i64, value: &[u8]) -> Message {
    let position = Position { topic: topic.into(), partition: 0, offset };
    Message { position, timestamp: None, key: None, value: Some(value.to_vec()), headers: Vec::new() }
}

/// Movements of canonical records, one a line, as `known_from` and bytes, in the order given. Panics on a dead letter.
pub fn movements(knowledge: &Knowledge, lines: &str) -> Vec<(Timestamp, Vec<u8>)> {
    movements_of(knowledge, "test", lines)
}

/// As above, of a feed with this name.
pub fn movements_of(knowledge: &Knowledge, feed: &str, lines: &str) -> Vec<(Timestamp, Vec<u8>)> {
    let rows = lines.lines().filter(|line| !line.trim().is_empty()).map(|line| (feed, line));
    movements_from(knowledge, &[(feed, Arc::new(Decoder::canonical(false)))], rows)
}

/// As above, of several feeds: each line with the name of its own.
pub fn movements_from<'a>(
    knowledge: &Knowledge,
    feeds: &[(&str, Arc<Decoder>)],
    rows: impl Iterator<Item = (&'a str, &'a str)>,
) -> Vec<(Timestamp, Vec<u8>)> {
    let feed = |(name, decoder): &(&str, Arc<Decoder>)| Feed {
        name: name.parse().unwrap(),
        topic: (*name).to_owned(),
        decoder: Arc::clone(decoder),
    };
    let limits = IngestLimits { payload_bytes_max: 1_000_000, default_lag_days: 45 };
    let ingest = Ingest::new(feeds.iter().map(feed).collect(), Arc::clone(&knowledge.reference), limits);
    let mut movements = Vec::new();
    for (row, (topic, line)) in rows.enumerate() {
        let effects = ingest.apply(&message(topic, row as i64 + 1, line.as_bytes()));
        assert_eq!(effects.dead_letter, None, "{line}");
        for output in effects.outputs {
            let value: Value = serde_json::from_slice(&output.value).unwrap();
            movements.push((value["known_from"].as_str().unwrap().parse().unwrap(), output.value));
        }
    }
    movements
}

/// Folds movements in the order given, with a closing tick the day after the highest `known_from`, and gives every output.
pub fn fold(knowledge: &Knowledge, movements: &[(Timestamp, Vec<u8>)]) -> Vec<Output> {
    let highest = movements.iter().map(|(known_from, _)| date(*known_from)).max();
    let closing = highest.map(|date| date.tomorrow().unwrap());
    fold_until(knowledge, movements, closing)
}

/// As above, with a closing tick of that date.
pub fn fold_until(knowledge: &Knowledge, movements: &[(Timestamp, Vec<u8>)], closing: Option<Date>) -> Vec<Output> {
    let mut assess = Assess::new(knowledge.clone());
    let mut outputs = Vec::new();
    for (offset, (_, value)) in movements.iter().enumerate() {
        outputs.extend(assess.apply(&message("movements", offset as i64, value)).outputs);
    }
    while let Some(date) = closing {
        let mut last = message("movements", movements.len() as i64, &tick(date));
        last.key = Some(TICK_KEY.to_vec());
        outputs.extend(assess.apply(&last).outputs);
        if !assess.has_left_over() {
            break;
        }
    }
    outputs
}

/// Records as the world learned them, up to and without the date: sorted by `known_from`, closed by the tick of the date.
pub fn as_known_until(knowledge: &Knowledge, lines: &str, until: Option<Date>) -> Vec<Output> {
    let mut movements = movements(knowledge, lines);
    movements.sort_by_key(|(known_from, _)| *known_from);
    match until {
        None => fold(knowledge, &movements),
        Some(until) => {
            movements.retain(|(known_from, _)| date(*known_from) < until);
            fold_until(knowledge, &movements, Some(until))
        }
    }
}

/// The last value of every key of a topic.
pub fn last(outputs: &[Output], topic: Topic) -> BTreeMap<String, Value> {
    let of_topic = outputs.iter().filter(|output| output.topic == topic);
    of_topic
        .map(|output| (String::from_utf8(output.key.clone()).unwrap(), serde_json::from_slice(&output.value).unwrap()))
        .collect()
}

/// The date of an instant, UTC.
pub fn date(instant: Timestamp) -> Date {
    instant.to_zoned(jiff::tz::TimeZone::UTC).date()
}

/// Where the large data sets stand, if they are there. Says loudly when they are not.
pub fn shared() -> Option<std::path::PathBuf> {
    let beside = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared");
    let named = std::env::var_os("ENTREPOT_SHARED").map(std::path::PathBuf::from);
    let found = named.into_iter().chain([beside]).find(|folder| folder.join("data").is_dir());
    if found.is_none() {
        // Past the capture of what a test prints: one that passes would say it to nobody.
        let said = "\nNOT TESTED: the large data sets are absent; set ENTREPOT_SHARED to the folder that holds data/\n";
        drop(std::io::Write::write_all(&mut std::io::stderr(), said.as_bytes()));
    }
    found
}
