//! Partitions come and go, and the group is looked at: each step is the loop's own, between two polls.

use std::sync::Arc;
use std::time::Instant;

use rdkafka::consumer::Consumer;
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use rdkafka::{Offset as Place, TopicPartitionList};

use super::super::super::{Event, LogError};
use super::super::classify::failed;
use super::super::context::Rebalance;
use super::super::held::{Held, Unanswered, check_end};
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
            consumer.unsubscribe();
            self.is_rejoining = true;
        }
        Ok(())
    }

    /// Answers the next rebalance, if there is one and nothing is in the way; whether there was one.
    pub(super) fn rebalance(&mut self) -> Result<bool, LogError> {
        let Some(rebalance) = self.consumer().context().next_rebalance() else { return Ok(false) };
        match rebalance {
            Rebalance::Revoke { partitions, lost } => {
                self.is_lost |= lost;
                tracing::info!(group = self.name, partitions = partitions.count(), lost, "partitions go away");
                for part in partitions.elements() {
                    let (topic, partition) = (Arc::from(part.topic()), part.partition());
                    self.news.push_back(Event::Revoked { topic, partition });
                }
                self.leaving = Some(partitions);
            }
            Rebalance::Assign(partitions) => {
                self.is_lost = false;
                if partitions.count() == 0 {
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
        let committed = self.ask_committed(asked)?;
        let (mut found, mut without) = (Vec::new(), Vec::new());
        for part in committed.elements() {
            let (topic, partition) = (part.topic(), part.partition());
            let unanswered = |error| Unanswered::of(error, self.about(topic));
            let (id, known) = (self.watch.id(topic), part.metadata());
            if ![id, ""].contains(&known) && !id.is_empty() {
                let made_again = LogError::MadeAgain { topic: topic.to_owned(), group: self.name.clone() };
                return Err(Unanswered::Refused(made_again));
            }
            let (start, end) = self.consumer().fetch_watermarks(topic, partition, PATIENCE).map_err(unanswered)?;
            let committed = match part.offset() {
                Place::Offset(offset) => {
                    check_end((topic, partition), offset, end).map_err(Unanswered::Refused)?;
                    offset
                }
                // A group that has just begun: whoever needs what stood before asks for it, and is refused.
                _ => {
                    without.push((Arc::from(topic), partition));
                    start
                }
            };
            let topic = Arc::<str>::from(topic);
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
        self.without_offset.extend(without);
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
        if self.is_rejoining && self.held.is_empty() {
            self.is_rejoining = false;
            self.subscribe()?;
        }
        Ok(())
    }
}
