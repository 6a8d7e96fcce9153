//! A partition of a group as this member holds it: where it stands, and which of its messages the loop is to have.

use std::sync::Arc;

use rdkafka::error::KafkaError;
use rdkafka::message::{BorrowedMessage, Message as _};

use super::super::LogError;
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
}

impl Held {
    pub(super) fn is(&self, topic: &str, partition: Partition) -> bool {
        self.partition == partition && *self.topic == *topic
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
