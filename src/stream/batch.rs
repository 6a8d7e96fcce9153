//! The open transaction as the loop sees it: which offsets, how much, and what to count once it is committed. Writes nothing.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{BatchReport, NextOffsets, WorkerSettings};
use crate::domain::{Message, Offset, Partition, Position, Timestamp};
use crate::encode::Effects;

/// What the messages of an open transaction have caused so far.
#[derive(Default)]
pub(super) struct Batch {
    opened: Option<Instant>,
    records: u32,
    bytes: u64,
    appended_ms: Vec<i64>,
    /// One for each partition read; few, so a walk is quicker than a map of names.
    places: Vec<Place>,
    written: Vec<(Arc<str>, u64)>,
    report: BatchReport,
}

/// What was read of a partition.
struct Place {
    topic: Arc<str>,
    partition: Partition,
    next: Offset,
    messages: u64,
    consumed: u64,
}

impl Batch {
    pub(super) fn is_empty(&self) -> bool {
        self.opened.is_none()
    }

    /// The offsets to commit.
    pub(super) fn next(&self) -> NextOffsets {
        self.places.iter().map(|place| ((place.topic.to_string(), place.partition), place.next)).collect()
    }

    /// Whether a limit is reached.
    pub(super) fn is_due(&self, now: Instant, settings: &WorkerSettings) -> bool {
        let Some(opened) = self.opened else { return false };
        let full = self.records >= settings.records_max || self.bytes >= settings.bytes_max;
        full || now.saturating_duration_since(opened) >= settings.interval
    }

    /// How long it may stay open.
    pub(super) fn time_left(&self, now: Instant, settings: &WorkerSettings) -> Option<Duration> {
        self.opened.map(|opened| settings.interval.saturating_sub(now.saturating_duration_since(opened)))
    }

    /// Counts a message, its offset and what it caused.
    pub(super) fn add(&mut self, message: &Message, effects: &mut Effects, (now, counts_messages): (Instant, bool)) {
        self.opened.get_or_insert(now);
        self.records += 1;
        self.bytes += message.value.as_ref().map_or(0, |value| value.len() as u64);
        self.appended_ms.extend(message.timestamp.map(Timestamp::as_millisecond));
        let records: u64 = effects.outcomes.iter().map(|(_, count)| count).sum();
        let place = self.place(&message.position);
        place.next = message.position.offset + 1;
        place.messages += 1;
        place.consumed += if counts_messages { 1 } else { records };
        for (outcome, count) in &effects.outcomes {
            *self.report.outcomes.entry(outcome).or_default() += count;
        }
        if let Some(letter) = &effects.dead_letter {
            *self.report.dead_letters.entry((letter.feed.clone(), letter.reason)).or_default() += letter.count;
        }
        self.report.tallies.append(&mut effects.tallies);
    }

    /// Counts a message on its way out, by its topic and the bytes of its value.
    pub(super) fn sent(&mut self, topic: &Arc<str>, bytes: usize) {
        self.bytes += bytes as u64;
        match self.written.iter_mut().find(|(known, _)| Arc::ptr_eq(known, topic) || known == topic) {
            Some((_, count)) => *count += 1,
            None => self.written.push((Arc::clone(topic), 1)),
        }
    }

    /// Ends it as committed at this instant: what there is to report.
    pub(super) fn close(&mut self, stage: &'static str, now_ms: i64) -> BatchReport {
        let next = self.next();
        let Batch { mut report, appended_ms, places, written, .. } = std::mem::take(self);
        report.stage = stage;
        report.next = next;
        for place in places {
            *report.messages.entry(place.topic.to_string()).or_default() += place.messages;
            *report.consumed.entry(place.topic.to_string()).or_default() += place.consumed;
        }
        report.written = written.into_iter().map(|(topic, count)| (topic.to_string(), count)).collect();
        report.latencies_ms = appended_ms.into_iter().map(|appended| (now_ms - appended).max(0)).collect();
        report
    }

    fn place(&mut self, position: &Position) -> &mut Place {
        let is_topic = |topic: &Arc<str>| Arc::ptr_eq(topic, &position.topic) || *topic == position.topic;
        let is_here = |place: &Place| place.partition == position.partition && is_topic(&place.topic);
        let index = self.places.iter().position(is_here).unwrap_or(self.places.len());
        if index == self.places.len() {
            let topic = Arc::clone(&position.topic);
            self.places.push(Place { topic, partition: position.partition, next: 0, messages: 0, consumed: 0 });
        }
        self.places.get_mut(index).expect("it was found or has just been added")
    }
}
