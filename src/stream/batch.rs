//! The open transaction as the loop sees it: which offsets, how much, and what to count once it is committed. Writes nothing.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{BatchReport, NextOffsets, Outgoing, WorkerSettings};
use crate::domain::{Message, Offset, Partition, Position, Timestamp};
use crate::encode::Effects;

/// What the messages of an open transaction have caused so far.
#[derive(Default)]
pub(super) struct Batch {
    opened: Option<Instant>,
    /// One for each partition read; few, so a walk is quicker than a map of names.
    shares: Vec<Share>,
    /// Whose messages went out, in the order of sending: a partition's place in `shares`, and how many in a row.
    caused: Vec<(usize, usize)>,
}

/// What was read of one partition, and what it caused.
pub(super) struct Share {
    topic: Arc<str>,
    partition: Partition,
    next: Offset,
    messages: u32,
    consumed: u64,
    bytes: u64,
    appended_ms: Vec<i64>,
    written: Vec<(Arc<str>, u64)>,
    report: BatchReport,
}

/// A partition's part of a transaction that came to nothing: enough to do it again without folding again.
pub(super) struct Redo {
    /// What was read, and what is to be counted.
    pub(super) share: Share,
    /// What is to be sent again, in order.
    pub(super) outgoing: Vec<Outgoing>,
}

impl Batch {
    pub(super) fn is_empty(&self) -> bool {
        self.opened.is_none()
    }

    /// The offsets to commit.
    pub(super) fn next(&self) -> NextOffsets {
        self.shares.iter().map(|share| ((share.topic.to_string(), share.partition), share.next)).collect()
    }

    /// Whether a limit is reached.
    pub(super) fn is_due(&self, now: Instant, settings: &WorkerSettings) -> bool {
        let Some(opened) = self.opened else { return false };
        let records: u32 = self.shares.iter().map(|share| share.messages).sum();
        let bytes: u64 = self.shares.iter().map(|share| share.bytes).sum();
        let full = records >= settings.records_max || bytes >= settings.bytes_max;
        full || now.saturating_duration_since(opened) >= settings.interval
    }

    /// How long it may stay open.
    pub(super) fn time_left(&self, now: Instant, settings: &WorkerSettings) -> Option<Duration> {
        self.opened.map(|opened| settings.interval.saturating_sub(now.saturating_duration_since(opened)))
    }

    /// Counts a message, its offset and what it caused. What it sends is told by [`Batch::sent`] before the next one is counted.
    pub(super) fn add(&mut self, message: &Message, effects: &mut Effects, (now, counts_messages): (Instant, bool)) {
        self.opened.get_or_insert(now);
        let records: u64 = effects.outcomes.iter().map(|(_, count)| count).sum();
        let index = self.place(&message.position);
        self.caused.push((index, 0));
        let Some(share) = self.shares.get_mut(index) else { return };
        share.next = message.position.offset + 1;
        share.messages += 1;
        share.consumed += if counts_messages { 1 } else { records };
        share.bytes += message.value.as_ref().map_or(0, |value| value.len() as u64);
        share.appended_ms.extend(message.timestamp.map(Timestamp::as_millisecond));
        let report = &mut share.report;
        for (outcome, count) in &effects.outcomes {
            *report.outcomes.entry(outcome).or_default() += count;
        }
        if let Some(letter) = &effects.dead_letter {
            *report.dead_letters.entry((letter.feed.clone(), letter.reason)).or_default() += letter.count;
        }
        report.tallies.append(&mut effects.tallies);
    }

    /// Counts what a partition publishes without a message of its own: its offset stays.
    pub(super) fn stand(&mut self, position: &Position, committed: Offset, effects: &mut Effects, now: Instant) {
        self.opened.get_or_insert(now);
        let index = self.place(position);
        self.caused.push((index, 0));
        let Some(share) = self.shares.get_mut(index) else { return };
        share.next = committed;
        share.report.tallies.append(&mut effects.tallies);
    }

    /// Counts a message on its way out, by its topic and the bytes of its value, for the message counted last.
    pub(super) fn sent(&mut self, topic: &Arc<str>, bytes: usize) {
        let Some((index, count)) = self.caused.last_mut() else { return };
        *count += 1;
        let Some(share) = self.shares.get_mut(*index) else { return };
        share.bytes += bytes as u64;
        match share.written.iter_mut().find(|(known, _)| Arc::ptr_eq(known, topic) || known == topic) {
            Some((_, count)) => *count += 1,
            None => share.written.push((Arc::clone(topic), 1)),
        }
    }

    /// Ends it as committed at this instant: what there is to report.
    pub(super) fn close(&mut self, stage: &'static str, now_ms: i64) -> BatchReport {
        let Batch { shares, .. } = std::mem::take(self);
        let mut whole = BatchReport { stage, ..BatchReport::default() };
        shares.into_iter().for_each(|share| whole.absorb(share.close(stage, now_ms)));
        whole
    }

    /// Ends it as not committed: what each partition would have to do again. `sent` is what was sent, in order.
    pub(super) fn take_apart(&mut self, sent: Vec<Outgoing>) -> Vec<Redo> {
        let Batch { shares, caused, .. } = std::mem::take(self);
        let mut redo: Vec<Redo> = shares.into_iter().map(|share| Redo { share, outgoing: Vec::new() }).collect();
        let mut sent = sent.into_iter();
        for (index, count) in caused {
            if let Some(redo) = redo.get_mut(index) {
                redo.outgoing.extend(sent.by_ref().take(count));
            }
        }
        redo
    }

    /// Takes a partition's part of an earlier transaction in; how many messages of it are sent with this one is told by their number.
    pub(super) fn put_back(&mut self, share: Share, sent: usize, now: Instant) {
        self.opened.get_or_insert(now);
        self.caused.push((self.shares.len(), sent));
        self.shares.push(share);
    }

    /// The place of a partition's share; a new one where there is none.
    fn place(&mut self, position: &Position) -> usize {
        let is_topic = |topic: &Arc<str>| Arc::ptr_eq(topic, &position.topic) || *topic == position.topic;
        let is_here = |share: &Share| share.partition == position.partition && is_topic(&share.topic);
        let index = self.shares.iter().position(is_here).unwrap_or(self.shares.len());
        if index == self.shares.len() {
            self.shares.push(Share {
                topic: Arc::clone(&position.topic),
                partition: position.partition,
                next: 0,
                messages: 0,
                consumed: 0,
                bytes: 0,
                appended_ms: Vec::new(),
                written: Vec::new(),
                report: BatchReport::default(),
            });
        }
        index
    }
}

impl Share {
    /// Which partition it is of, and where that stands once it is committed.
    pub(super) fn stands(&self) -> (&Arc<str>, Partition, Offset) {
        (&self.topic, self.partition, self.next)
    }

    /// Ends it as committed at this instant: what there is to report.
    pub(super) fn close(self, stage: &'static str, now_ms: i64) -> BatchReport {
        let Share { topic, partition, next, messages, consumed, appended_ms, written, mut report, .. } = self;
        report.stage = stage;
        report.messages.insert(topic.to_string(), u64::from(messages));
        report.consumed.insert(topic.to_string(), consumed);
        report.next = NextOffsets::from([((topic.to_string(), partition), next)]);
        report.written = written.into_iter().map(|(topic, count)| (topic.to_string(), count)).collect();
        report.latencies_ms = appended_ms.into_iter().map(|appended| (now_ms - appended).max(0)).collect();
        report
    }
}
