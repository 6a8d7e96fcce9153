//! The open transaction as the loop sees it: which offsets, how much, and what to count once it is committed. Writes nothing.

use std::time::{Duration, Instant};

use super::{BatchReport, NextOffsets, WorkerSettings};
use crate::domain::{Message, Timestamp};
use crate::encode::Effects;

/// What the messages of an open transaction have caused so far.
#[derive(Default)]
pub(super) struct Batch {
    opened: Option<Instant>,
    records: u32,
    bytes: u64,
    appended_ms: Vec<i64>,
    report: BatchReport,
}

impl Batch {
    pub(super) fn is_empty(&self) -> bool {
        self.opened.is_none()
    }

    /// The offsets to commit.
    pub(super) fn next(&self) -> &NextOffsets {
        &self.report.next
    }

    /// Whether a limit is reached.
    pub(super) fn is_due(&self, now: Instant, settings: &WorkerSettings) -> bool {
        let Some(opened) = self.opened else { return false };
        let full = self.records >= settings.records_max || self.bytes >= settings.bytes_max;
        full || now.saturating_duration_since(opened) >= settings.interval
    }

    /// How long it may stay open.
    pub(super) fn time_left(&self, now: Instant, settings: &WorkerSettings) -> Option<Duration> {
        self.opened.map(|opened| (opened + settings.interval).saturating_duration_since(now))
    }

    /// Counts a message, its offset and what it caused.
    pub(super) fn add(&mut self, message: &Message, effects: &Effects, (now, counts_messages): (Instant, bool)) {
        self.opened.get_or_insert(now);
        self.records += 1;
        self.bytes += message.value.as_ref().map_or(0, |value| value.len() as u64);
        self.appended_ms.extend(message.timestamp.map(Timestamp::as_millisecond));
        let position = &message.position;
        let report = &mut self.report;
        report.next.insert((position.topic.to_string(), position.partition), position.offset + 1);
        let records: u64 = effects.outcomes.iter().map(|(_, count)| count).sum();
        *report.messages.entry(position.topic.to_string()).or_default() += 1;
        *report.consumed.entry(position.topic.to_string()).or_default() += if counts_messages { 1 } else { records };
        for (outcome, count) in &effects.outcomes {
            *report.outcomes.entry(outcome).or_default() += count;
        }
        if let Some(letter) = &effects.dead_letter {
            *report.dead_letters.entry((letter.feed.clone(), letter.reason)).or_default() += letter.count;
        }
        report.tallies.extend(effects.tallies.iter().cloned());
    }

    /// Counts a message on its way out.
    pub(super) fn sent(&mut self, outgoing: &super::Outgoing) {
        self.bytes += outgoing.value.as_ref().map_or(0, |value| value.len() as u64);
        match self.report.written.get_mut(&*outgoing.topic) {
            Some(count) => *count += 1,
            None => drop(self.report.written.insert(outgoing.topic.to_string(), 1)),
        }
    }

    /// Ends it as committed at this instant: what there is to report.
    pub(super) fn close(&mut self, stage: &'static str, now_ms: i64) -> BatchReport {
        let Batch { mut report, appended_ms, .. } = std::mem::take(self);
        report.stage = stage;
        report.latencies_ms = appended_ms.into_iter().map(|appended| (now_ms - appended).max(0)).collect();
        report
    }
}
