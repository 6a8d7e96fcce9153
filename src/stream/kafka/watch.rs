//! Whether the topics that a group reads are still those that they were: deleted ones, ones made again under their name, ones of ours
//! that have grown. librdkafka reads on in a topic that was made again, from the offset where it stood. Knows nothing of partitions in hand.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use rdkafka::Statistics;
use rdkafka::consumer::BaseConsumer;
use rdkafka::error::RDKafkaErrorCode as Code;
use rdkafka::statistics::Broker;

use super::super::LogError;
use super::super::clock::now;
use super::context::Context;
use super::native::{Described, Question};
use crate::domain::Partition;

/// How often topics are looked at.
const LOOK: Duration = Duration::from_secs(5);
/// How long a topic has to be missing to count as deleted: a broker that has just begun may not have heard of all of them.
const MISSING: Duration = Duration::from_secs(9);
/// How long an answer may take where it is waited for ...
const PATIENCE: Duration = Duration::from_secs(5);
/// ... and where it is not. Brokers that go away while it stands are sought without a pause.
const SHORT: Duration = Duration::from_secs(2);

/// What is known of the topics of a group.
#[derive(Default)]
pub(super) struct Watch {
    /// Belongs to the group's client.
    question: Option<Question>,
    asked: Option<Instant>,
    /// No broker is up: nothing is asked. While a question stands librdkafka would seek the controller without a pause, on a whole
    /// processor.
    is_cut_off: bool,
    /// Partitions of those topics that keep their number.
    fixed: BTreeMap<String, Partition>,
    topics: BTreeMap<String, Known>,
    /// Topics that the group does not read, and whose messages last: what is published to them is published once.
    beside: BTreeMap<String, Known>,
    /// Since when we are to read a partition that its topic has not.
    lacking: Option<Instant>,
}

#[derive(Default)]
struct Known {
    id: String,
    partitions: Partition,
    missing: Option<Instant>,
}

impl Watch {
    pub(super) fn new(topics: &[String], fixed: BTreeMap<String, Partition>, lasting: Vec<String>) -> Watch {
        let known = topics.iter().map(|topic| (topic.clone(), Known::default())).collect();
        let beside = lasting.into_iter().filter(|topic| !topics.contains(topic)).map(|topic| (topic, Known::default()));
        Watch { fixed, topics: known, beside: beside.collect(), ..Watch::default() }
    }

    /// The id of a topic; empty where it is not known.
    pub(super) fn id(&self, topic: &str) -> &str {
        self.topics.get(topic).map_or("", |known| &known.id)
    }

    /// Whether a topic is of those that keep their number: ours.
    pub(super) fn is_fixed(&self, topic: &str) -> bool {
        self.fixed.contains_key(topic)
    }

    /// Topics and how many partitions they have, as far as it is known.
    pub(super) fn partitions(&self) -> impl Iterator<Item = (&str, Partition)> {
        self.topics.iter().map(|(topic, known)| (topic.as_str(), known.partitions))
    }

    /// Whether no broker is up.
    pub(super) fn is_cut_off(&self) -> bool {
        self.is_cut_off
    }

    /// Hears how the brokers are, once a second.
    pub(super) fn hear_brokers(&mut self, statistics: &Statistics) {
        let is_up = |broker: &Broker| broker.nodeid >= 0 && broker.state == "UP";
        self.is_cut_off = !statistics.brokers.values().any(is_up);
    }

    /// Hears what topics are before offsets in them count; `false` where the brokers do not say.
    pub(super) fn learn(&mut self, consumer: &BaseConsumer<Context>, group: &str) -> Result<bool, LogError> {
        let described = self.ask(consumer, PATIENCE).and_then(|question| question.topics(PATIENCE)).unwrap_or_default();
        self.hear(&described, group, now())?;
        Ok(!described.is_empty())
    }

    /// Whether partitions that we are to read are there, as last heard. A topic never loses one: where one stays missing, the topic was
    /// made again.
    pub(super) fn are_there(&mut self, places: &[(String, Partition)], group: &str, now: Instant) -> Result<bool, LogError> {
        let has = |known: &Known, partition| known.partitions == 0 || partition < known.partitions;
        let is_there =
            |(topic, partition): &&(String, Partition)| self.topics.get(topic).is_none_or(|known| has(known, *partition));
        let Some((topic, _)) = places.iter().find(|place| !is_there(place)) else {
            self.lacking = None;
            return Ok(true);
        };
        let since = *self.lacking.get_or_insert(now);
        if now.saturating_duration_since(since) >= MISSING {
            return Err(LogError::MadeAgain { topic: topic.clone(), group: group.to_owned() });
        }
        Ok(false)
    }

    /// Asks now and then, and hears the answer when it is there. Never waits: an answer stands behind what the broker holds back
    /// for want of messages.
    pub(super) fn look(&mut self, consumer: &BaseConsumer<Context>, group: &str, now: Instant) -> Result<(), LogError> {
        if let Some(question) = &self.question {
            let Some(described) = question.topics(Duration::ZERO) else { return Ok(()) };
            self.question = None;
            return self.hear(&described, group, now);
        }
        if self.asked.is_none_or(|asked| now.saturating_duration_since(asked) >= LOOK) {
            self.asked = Some(now);
            self.question = self.ask(consumer, SHORT);
        }
        Ok(())
    }

    /// Those topics of the group that may not be read; the brokers say it, if they answer.
    pub(super) fn forbidden(&self, consumer: &BaseConsumer<Context>) -> Vec<String> {
        let described = self.ask(consumer, PATIENCE).and_then(|question| question.topics(PATIENCE)).unwrap_or_default();
        let is_forbidden = |topic: &Described| match topic.error {
            None => !topic.may_read,
            error => error == Some(Code::TopicAuthorizationFailed),
        };
        let is_read = |topic: &Described| self.topics.contains_key(&topic.topic);
        described.into_iter().filter(|topic| is_read(topic) && is_forbidden(topic)).map(|topic| topic.topic).collect()
    }

    /// Ends with the client that it asks.
    pub(super) fn end(&mut self) {
        self.question = None;
    }

    fn ask(&self, consumer: &BaseConsumer<Context>, patience: Duration) -> Option<Question> {
        if self.is_cut_off {
            return None;
        }
        Question::of_topics(consumer, &self.topics.keys().chain(self.beside.keys()).cloned().collect::<Vec<_>>(), patience)
    }

    fn hear(&mut self, described: &[Described], group: &str, now: Instant) -> Result<(), LogError> {
        for Described { topic, error, id, partitions, .. } in described {
            let is_beside = self.beside.contains_key(topic);
            let of_either = if is_beside { &mut self.beside } else { &mut self.topics };
            let Some(known) = of_either.get_mut(topic) else { continue };
            match error {
                None => known.missing = None,
                Some(Code::UnknownTopicOrPartition | Code::UnknownTopic) => {
                    let since = *known.missing.get_or_insert(now);
                    if now.saturating_duration_since(since) >= MISSING && is_beside {
                        return Err(LogError::Gone { topic: topic.clone() });
                    } else if now.saturating_duration_since(since) >= MISSING {
                        return Err(LogError::Deleted { topic: topic.clone(), group: group.to_owned() });
                    }
                    continue;
                }
                Some(_) => continue,
            }
            if known.id.is_empty() {
                known.id.clone_from(id);
            } else if known.id != *id && is_beside {
                return Err(LogError::Gone { topic: topic.clone() });
            } else if known.id != *id {
                return Err(LogError::MadeAgain { topic: topic.clone(), group: group.to_owned() });
            }
            let found = Partition::try_from(*partitions).unwrap_or(Partition::MAX);
            known.partitions = found;
            if let Some(made) = self.fixed.get(topic).filter(|made| **made < found) {
                return Err(LogError::Grown { topic: topic.clone(), found, made: *made });
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn described(id: &str, partitions: usize, error: Option<Code>) -> Described {
        Described { topic: "raw".to_owned(), error, id: id.to_owned(), partitions, may_read: true }
    }

    #[track_caller]
    fn check(heard: &[(u64, Described)], wanted: &str) {
        let fixed = BTreeMap::from([("raw".to_owned(), 2)]);
        let mut watch = Watch::new(&["raw".to_owned()], fixed, vec!["verdicts".to_owned(), "raw".to_owned()]);
        let begin = now();
        let ended = heard
            .iter()
            .find_map(|(second, said)| watch.hear(std::slice::from_ref(said), "g", begin + Duration::from_secs(*second)).err());
        let said = ended.map_or_else(|| watch.id("raw").to_owned(), |error| error.to_string());
        assert!(said.starts_with(wanted), "{said}");
    }

    #[test]
    fn a_topic_that_stays_what_it_is_passes() {
        let away = || described("", 0, Some(Code::UnknownTopicOrPartition));
        check(&[(0, described("a", 2, None)), (5, described("a", 2, None))], "a");
        check(&[(0, described("a", 2, None)), (5, away()), (10, described("a", 2, None)), (16, away())], "a");
        check(&[(0, described("a", 2, None)), (5, described("", 0, Some(Code::LeaderNotAvailable)))], "a");
    }

    #[test]
    fn a_partition_that_stays_missing_is_of_a_topic_that_was_made_again() {
        let (mut watch, begin) = (Watch::new(&["raw".to_owned()], BTreeMap::new(), Vec::new()), now());
        let mut heard = |second, partitions, places: &[Partition]| {
            let now = begin + Duration::from_secs(second);
            watch.hear(&[described("a", partitions, None)], "g", now).unwrap();
            let places: Vec<_> = places.iter().map(|partition| ("raw".to_owned(), *partition)).collect();
            watch.are_there(&places, "g", now).map_err(|error| error.to_string())
        };
        assert_eq!(heard(0, 2, &[0, 1, 2]), Ok(false));
        assert_eq!(heard(8, 2, &[0, 1, 2]), Ok(false));
        // A broker had not heard of it yet.
        assert_eq!(heard(10, 3, &[0, 1, 2]), Ok(true));
        assert_eq!(heard(20, 1, &[0, 1, 2]), Ok(false));
        let said = heard(29, 1, &[0, 1, 2]).unwrap_err();
        assert!(said.starts_with("topic \"raw\" was deleted and made again since group g read it"), "{said}");
    }

    #[test]
    fn nothing_is_asked_while_no_broker_is_up() {
        let check = |brokers: &[(i32, &str)], wanted| {
            let broker = |(nodeid, state): &(i32, &str)| {
                (format!("{nodeid}"), Broker { nodeid: *nodeid, state: (*state).to_owned(), ..Broker::default() })
            };
            let mut watch = Watch::default();
            assert!(!watch.is_cut_off, "before the brokers are known");
            watch.hear_brokers(&Statistics { brokers: brokers.iter().map(broker).collect(), ..Statistics::default() });
            assert_eq!(watch.is_cut_off, wanted, "{brokers:?}");
        };
        check(&[(1, "DOWN"), (2, "UP")], false);
        check(&[(1, "DOWN"), (2, "TRY_CONNECT"), (3, "CONNECT")], true);
        // librdkafka's own, which stands for no broker and is always up.
        check(&[(-1, "UP"), (1, "INIT")], true);
    }

    #[test]
    fn one_that_is_another_or_gone_or_has_grown_does_not() {
        let away = || described("", 0, Some(Code::UnknownTopicOrPartition));
        check(&[(0, described("a", 2, None)), (5, described("b", 2, None))], "topic \"raw\" was deleted and made again");
        check(&[(0, described("a", 2, None)), (5, away()), (15, away())], "topic \"raw\" was deleted while");
        // The same of those that it does not read, but for their number of partitions.
        let beside = |described: Described| Described { topic: "verdicts".to_owned(), ..described };
        let gone = "topic \"verdicts\" was deleted under a running service";
        check(&[(0, beside(described("a", 2, None))), (5, beside(described("b", 2, None)))], gone);
        check(&[(0, beside(described("a", 2, None))), (5, beside(away())), (15, beside(away()))], gone);
        check(&[(0, beside(described("a", 2, None))), (5, beside(described("a", 3, None)))], "");
        check(&[(0, described("a", 3, None))], "topic \"raw\" has 3 partitions, but the log was made with 2");
    }
}
