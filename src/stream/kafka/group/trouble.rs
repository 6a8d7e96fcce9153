//! What a group's client complains of: its own affair, or a reason to end, which names what is meant.

use rdkafka::consumer::Consumer;
use rdkafka::error::KafkaError;

use super::super::super::{Event, LogError};
use super::super::classify::{self, About, asked, failed};
use super::super::held::{check_end, check_start};
use super::{Group, PATIENCE};

impl Group {
    /// An error of a poll: the client's affair, or ours.
    pub(super) fn heard(&mut self, error: &KafkaError) -> Result<Event, LogError> {
        // The error of the poll says no more than that there is one.
        if let Some(fatal) = self.consumer().client().fatal_error() {
            return Err(classify::fatal(fatal, &self.instance));
        }
        match error {
            // Which topic it is of is not said; the statistics will.
            KafkaError::PartitionEOF(_) => Ok(Event::Idle),
            // What it leaves may be another's by now; what it goes on to read is asked for again once it has joined.
            error if self.is_rejoining && classify::is_denied(error) => {
                tracing::debug!(group = self.name, %error, "refused while leaving the group");
                Ok(Event::Idle)
            }
            error if classify::is_denied(error) => Err(classify::denied(error, self.about(&self.forbidden()))),
            error if classify::is_reset(error) => self.out_of_range(),
            error if classify::passes(error) => {
                tracing::debug!(group = self.name, %error, "the client goes on by itself");
                Ok(Event::Idle)
            }
            error => Err(failed("reading")(error.clone())),
        }
    }

    /// Somebody deleted messages, or the topic, under us: says which partition and what is there.
    fn out_of_range(&mut self) -> Result<Event, LogError> {
        for held in &self.held {
            let wanted = held.position.unwrap_or(held.committed);
            let ends = self.consumer().fetch_watermarks(&held.topic, held.partition, PATIENCE);
            let (start, end) = ends.map_err(asked("asking for the ends of a partition", self.about(&held.topic)))?;
            check_start((&held.topic, held.partition), wanted, start)?;
            check_end((&held.topic, held.partition), wanted, end)?;
        }
        // Which one it was is not said, and its client has stopped fetching it: all begin again where they stand.
        for held in &mut self.held {
            held.wanted = held.position.take().or(held.wanted);
        }
        Ok(Event::Idle)
    }

    /// What reading needs, of these topics.
    pub(super) fn about<'a>(&'a self, topic: &'a str) -> About<'a> {
        About { right: "Read", topic, group: &self.name, ..About::default() }
    }

    /// Which of its topics the group may not read. Errors do not say it; where the brokers do not either, it is one of all.
    pub(super) fn forbidden(&self) -> String {
        let forbidden = self.watch.forbidden(self.consumer());
        if !forbidden.is_empty() {
            return forbidden.join(", ");
        }
        let list = self.consumer().subscription().unwrap_or_default();
        list.elements().iter().map(|part| part.topic()).collect::<Vec<_>>().join(", ")
    }
}
