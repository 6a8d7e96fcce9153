//! A partition of a group as this member holds it: where it stands, and which of its messages the loop is to have.

use std::sync::Arc;

use rdkafka::error::KafkaError;
use rdkafka::message::{BorrowedMessage, Message as _};
use rdkafka::statistics::Partition as Figures;

use super::super::{Event, LogError};
use super::classify::{self, About};
use super::native;
use crate::domain::{Message, Offset, Partition, Position, Timestamp};

/// A partition in hand.
pub(super) struct Held {
    pub(super) topic: Arc<str>,
    pub(super) partition: Partition,
    pub(super) committed: Offset,
    pub(super) start: Offset,
    pub(super) end: Offset,
    /// From where the loop wants messages; `None` until it has said so.
    pub(super) wanted: Option<Offset>,
    /// The next offset librdkafka will hand over; `None` while it does not fetch.
    pub(super) position: Option<Offset>,
    /// Where the end was announced.
    pub(super) announced: Option<Offset>,
    /// Where it stood and where its end was, when the statistics last found all handed over.
    pub(super) stood: Option<(Offset, Offset)>,
}

/// A partition whose committed offset is none that we committed: gone, or set by other hands.
#[derive(Clone)]
pub(super) struct Doubt {
    pub(super) topic: Arc<str>,
    pub(super) partition: Partition,
    /// What is committed; `None`: nothing.
    pub(super) committed: Option<Offset>,
}

impl Held {
    pub(super) fn is(&self, topic: &str, partition: Partition) -> bool {
        self.partition == partition && *self.topic == *topic
    }

    /// What the loop is told of it.
    pub(super) fn assigned(&self) -> Event {
        let Held { topic, partition, committed, end, .. } = self;
        Event::Assigned { topic: Arc::clone(topic), partition: *partition, committed: *committed, end: *end }
    }

    /// Takes note of a message of this partition; its topic's name where the loop is to have it.
    ///
    /// What came before a rewind took hold is none of the loop's business. What is not wanted now is asked for again later.
    pub(super) fn hand_over(&mut self, offset: Offset, is_quiet: bool) -> Option<Arc<str>> {
        let position = self.position?;
        if offset < position {
            return None;
        }
        if is_quiet || self.wanted.is_none() {
            self.wanted = self.wanted.map(|_| position);
            self.position = None;
            return None;
        }
        self.position = Some(offset + 1);
        self.end = self.end.max(offset + 1);
        Some(Arc::clone(&self.topic))
    }

    /// Takes note of what librdkafka says once a second; the end of the partition where all before it was handed over, once for each.
    pub(super) fn hear(&mut self, said: &Figures, is_paused: bool) -> Option<Offset> {
        self.end = self.end.max(said.hi_offset);
        // Nothing waits to be handed over, and what comes next stands behind the end: marks of transactions lie before it.
        let (end, is_wanted) = (said.eof_offset, self.wanted.is_some() && !is_paused);
        let is_there = said.fetchq_cnt == 0 && said.next_offset >= end && end >= said.ls_offset && is_wanted;
        let stood = self.stood.take();
        self.stood = self.position.filter(|position| is_there && *position <= end).map(|position| (position, end));
        // Figures are up to a second old: right after a way back they still speak of the end.
        if self.stood.is_none() || self.stood != stood || self.announced == Some(end) {
            return None;
        }
        self.announced = Some(end);
        self.announced
    }
}

/// A committed offset has to lie within what is there.
pub(super) fn check_end((topic, partition): (&str, Partition), committed: Offset, end: Offset) -> Result<(), LogError> {
    if committed <= end {
        return Ok(());
    }
    Err(LogError::Truncated { topic: topic.to_owned(), partition, committed, end })
}

/// What is wanted has to be there still.
pub(super) fn check_start((topic, partition): (&str, Partition), wanted: Offset, start: Offset) -> Result<(), LogError> {
    if wanted >= start {
        return Ok(());
    }
    Err(LogError::StartsLater { topic: topic.to_owned(), partition, wanted, start })
}

/// A message as ours, its bytes copied once.
pub(super) fn owned(message: &BorrowedMessage<'_>, topic: Arc<str>) -> Message {
    let timestamp = message.timestamp().to_millis().and_then(|ms| Timestamp::from_millisecond(ms).ok());
    Message {
        position: Position { topic, partition: message.partition(), offset: message.offset() },
        timestamp,
        key: message.key().map(<[u8]>::to_vec),
        value: message.payload().map(<[u8]>::to_vec),
        headers: native::headers(message),
    }
}

/// Why an assignment could not be announced.
pub(super) enum Unanswered {
    Refused(LogError),
    Later(KafkaError),
}

impl Unanswered {
    pub(super) fn of(error: KafkaError, about: About<'_>) -> Unanswered {
        if classify::is_denied(&error) {
            return Unanswered::Refused(classify::denied(&error, about));
        }
        Unanswered::Later(error)
    }
}
