//! Partitions come and go, and the group is looked at: each step is the loop's own, between two polls.

use std::sync::Arc;
use std::time::Instant;

use rdkafka::consumer::Consumer;
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use rdkafka::{Offset as Place, TopicPartitionList};

use super::super::super::clock::now;
use super::super::super::{Event, LogError};
use super::super::classify::failed;
use super::super::context::Rebalance;
use super::super::held::{Doubt, Held, Unanswered, check_end};
use super::{Group, PATIENCE};

impl Group {
    /// Looks at the topics, and at who has which partition; leaves where some are nobody's.
    pub(super) fn look_around(&mut self, now: Instant) -> Result<(), LogError> {
        let consumer = self.consumer.as_ref().expect("it is taken at the end alone");
        self.watch.look(consumer, &self.name, now)?;
        if self.is_rejoining || self.watch.is_cut_off() {
            return Ok(());
        }
        if self.cover.look(consumer, (&self.name, &self.member), self.watch.partitions(), now) {
            tracing::warn!(
                group = self.name,
                "partitions are nobody's: leaving the group and joining it again, so that it shares anew"
            );
            self.leave_to_rejoin();
        }
        Ok(())
    }

    /// Leaves, and joins again when nothing is held.
    fn leave_to_rejoin(&mut self) {
        self.consumer().unsubscribe();
        self.is_rejoining = true;
    }

    /// Whether these partitions are those of an earlier run under our name, which read other topics. Nothing of them is read.
    fn is_of_before(&self, partitions: &TopicPartitionList) -> bool {
        let is_foreign = |topic: &str| !self.topics.iter().any(|ours| ours == topic);
        self.is_outdated || partitions.elements().iter().any(|part| is_foreign(part.topic()))
    }

    /// Answers the next rebalance, if there is one and nothing is in the way; whether there was one.
    pub(super) fn rebalance(&mut self) -> Result<bool, LogError> {
        let Some(rebalance) = self.consumer().context().next_rebalance() else { return Ok(false) };
        match rebalance {
            Rebalance::Revoke { partitions, lost } => {
                self.is_lost |= lost;
                // What the loop was never told of is none of its affair.
                let is_gone = |held: &&Held| partitions.find_partition(&held.topic, held.partition).is_some();
                let gone: Vec<&Held> = self.held.iter().filter(is_gone).collect();
                tracing::info!(group = self.name, partitions = gone.len(), lost, "partitions go away");
                for Held { topic, partition, .. } in gone {
                    self.news.push_back(Event::Revoked { topic: Arc::clone(topic), partition: *partition });
                }
                self.leaving = Some(partitions);
            }
            Rebalance::Assign(partitions) => {
                self.is_lost = false;
                if self.is_of_before(&partitions) {
                    tracing::info!(group = self.name, "topics have changed: leaving the group and joining it again");
                    self.is_outdated = false;
                    // The client leaves once it has an answer.
                    self.consumer().incremental_assign(&partitions).map_err(failed("taking partitions"))?;
                    self.leave_to_rejoin();
                } else if partitions.count() == 0 {
                    self.consumer().incremental_assign(&partitions).map_err(failed("taking partitions"))?;
                    self.news.push_back(Event::Standby);
                } else if let Err(error) = self.announce(&partitions) {
                    match error {
                        Unanswered::Refused(error) => return Err(error),
                        Unanswered::Later(error) => {
                            tracing::warn!(group = self.name, %error, "partitions were assigned, their offsets are not known yet");
                            self.consumer().context().put_back(Rebalance::Assign(partitions));
                            return Ok(false);
                        }
                    }
                }
            }
        }
        Ok(true)
    }

    /// Asks what is committed and what is there, and tells the loop.
    fn announce(&mut self, partitions: &TopicPartitionList) -> Result<(), Unanswered> {
        let mut asked = TopicPartitionList::new();
        for part in partitions.elements() {
            asked.add_partition(part.topic(), part.partition());
        }
        let consumer = self.consumer.as_ref().expect("it is taken at the end alone");
        if !self.watch.learn(consumer, &self.name).map_err(Unanswered::Refused)? {
            return Err(Unanswered::Later(KafkaError::MetadataFetch(Code::OperationTimedOut)));
        }
        let places: Vec<_> = partitions.elements().iter().map(|part| (part.topic().to_owned(), part.partition())).collect();
        if !self.watch.are_there(&places, &self.name, now()).map_err(Unanswered::Refused)? {
            return Err(Unanswered::Later(KafkaError::MetadataFetch(Code::UnknownPartition)));
        }
        let committed = self.ask_committed(asked)?;
        let (mut found, mut doubts) = (Vec::new(), Vec::new());
        for part in committed.elements() {
            let (topic, partition) = (part.topic(), part.partition());
            let unanswered = |error| Unanswered::of(error, self.about(topic));
            let (id, known) = (self.watch.id(topic), part.metadata());
            if ![id, ""].contains(&known) && !id.is_empty() {
                let made_again = LogError::MadeAgain { topic: topic.to_owned(), group: self.name.clone() };
                return Err(Unanswered::Refused(made_again));
            }
            let (start, end) = self.consumer().fetch_watermarks(topic, partition, PATIENCE).map_err(unanswered)?;
            let stands = if let Place::Offset(offset) = part.offset() { Some(offset) } else { None };
            if let Some(offset) = stands {
                check_end((topic, partition), offset, end).map_err(Unanswered::Refused)?;
            }
            // A commit of ours carries the topic's id.
            let is_of_others = known.is_empty() && !id.is_empty();
            let topic = Arc::<str>::from(topic);
            if stands.is_none() || is_of_others {
                doubts.push(Doubt { topic: Arc::clone(&topic), partition, committed: stands });
            }
            // A group that has just begun: whoever needs what stood before asks for it, and is refused.
            let committed = stands.unwrap_or(start);
            found.push(Held {
                topic,
                partition,
                committed,
                start,
                end,
                wanted: None,
                position: None,
                announced: None,
                stood: None,
            });
        }
        self.doubts.extend(doubts);
        for held in found {
            self.held.retain(|old| !old.is(&held.topic, held.partition));
            self.news.push_back(held.assigned());
            self.held.push(held);
        }
        Ok(())
    }

    /// What the loop has had its chance to commit goes. One that leaves joins again when all is gone.
    pub(super) fn let_go(&mut self) -> Result<(), LogError> {
        if let Some(leaving) = self.leaving.take() {
            for part in leaving.elements() {
                self.held.retain(|held| !held.is(part.topic(), part.partition()));
            }
            self.consumer().incremental_unassign(&leaving).map_err(failed("giving partitions back"))?;
        }
        if self.is_rejoining && self.held.is_empty() && self.has_nothing()? {
            self.is_rejoining = false;
            self.subscribe()?;
        }
        Ok(())
    }

    /// Whether the client has given all of its partitions back.
    fn has_nothing(&self) -> Result<bool, LogError> {
        Ok(self.consumer().assignment().map_err(failed("asking for the assignment"))?.count() == 0)
    }
}
