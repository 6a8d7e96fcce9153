//! Making topics, and whether they are safe: what would lose, reorder or change a message is named, with what it has to be.

use std::time::Duration;

use rdkafka::admin::{AdminClient, AdminOptions, ConfigResource, NewTopic, ResourceSpecifier, TopicReplication};
use rdkafka::consumer::Consumer;
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};

use super::super::clock::now;
use super::super::{LogError, Policy, TopicPlan};
use super::KafkaLog;
use super::classify::{About, asked, denied, failed};
use super::context::Context;

/// How long the brokers may take.
const PATIENCE: Duration = Duration::from_secs(30);
const DAY_MS: u64 = 86_400_000;

/// How often a topic's settings are asked for where none come, and how long each time waits.
const ATTEMPTS: u32 = 8;
const REST: Duration = Duration::from_millis(250);

impl KafkaLog {
    /// Makes a topic as planned; returns whether it is new.
    pub(super) fn make_topic(&mut self, plan: &TopicPlan) -> Result<bool, LogError> {
        match (self.partitions(&plan.name), plan.policy) {
            (Err(LogError::UnknownTopic { .. }), _) => {}
            (Err(error), _) => return Err(error),
            // The user's own may have as many as they like.
            (Ok(_), Policy::Theirs) => return Ok(false),
            (Ok(found), _) if found == plan.partitions => return Ok(false),
            (Ok(found), _) => {
                let topic = plan.name.clone();
                return Err(match self.made_with()? {
                    Some(made) if made == plan.partitions => LogError::Grown { topic, found, made },
                    _ => LogError::Repartitioned { topic, found, wanted: plan.partitions },
                });
            }
        }
        if !self.ask_for(plan, false)? {
            return self.make_topic(plan);
        }
        self.wait_for(&plan.name)?;
        Ok(true)
    }

    /// Asks for a topic as planned, or only whether it could be made; `false`: another was first.
    pub(super) fn ask_for(&self, plan: &TopicPlan, is_question: bool) -> Result<bool, LogError> {
        let settings = self.wanted(plan);
        let replication = TopicReplication::Fixed(self.settings.replication_factor);
        let mut topic = NewTopic::new(&plan.name, plan.partitions, replication);
        for (name, value) in &settings {
            topic = topic.set(name, value);
        }
        let options = AdminOptions::new().operation_timeout(Some(PATIENCE)).validate_only(is_question);
        let made = self.ask(|admin| admin.create_topics([&topic], &options))?;
        match made.into_iter().find_map(Result::err) {
            None => Ok(true),
            Some((_, Code::TopicAlreadyExists)) => Ok(false),
            Some((name, code)) => {
                let about = About { right: "Create", topic: &name, ..About::default() };
                let asked_again = || asked("making a topic", about)(KafkaError::AdminOp(code));
                Err(self.refused(plan, code)?.unwrap_or_else(asked_again))
            }
        }
    }

    /// Why the brokers will never make a topic as it is planned; `None` where they may yet.
    fn refused(&self, plan: &TopicPlan, code: Code) -> Result<Option<LogError>, LogError> {
        let is_theirs = plan.policy == Policy::Theirs;
        let (why, keys) = match code {
            Code::InvalidReplicationFactor => {
                let metadata = self.reader()?.fetch_metadata(None, PATIENCE).map_err(|error| self.unreachable(&error))?;
                let brokers = metadata.brokers().len();
                let many = if brokers == 1 { "" } else { "s" };
                let wanted = self.settings.replication_factor;
                (format!("{wanted} copies of it are wanted, of {brokers} broker{many}"), "topics.replication_factor")
            }
            Code::InvalidTopic => (self.name_fault(&plan.name), if is_theirs { "feeds.topic" } else { "topics.prefix" }),
            Code::InvalidPartitions => (format!("{} partitions are wanted", plan.partitions), "topics.partitions"),
            Code::InvalidConfig => {
                let settings = self.wanted(plan).into_iter().map(|(name, value)| format!("{name}={value}"));
                let why = format!("the brokers refuse one of {}", settings.collect::<Vec<_>>().join(", "));
                (why, "ingest.payload_bytes_max or topics.replication_factor, or have it made by whoever runs them")
            }
            Code::PolicyViolation => {
                let why = format!("a policy of the brokers forbids it, with {} partitions", plan.partitions);
                let keys = "topics.partitions, topics.replication_factor or its name, or have it made by whoever runs them";
                (why, keys)
            }
            _ => return Ok(None),
        };
        Ok(Some(LogError::Unmakeable { topic: plan.name.clone(), why, keys, detail: code.to_string() }))
    }

    /// What is wrong with a name that the brokers refuse: in names of their metrics `.` and `_` are the same.
    fn name_fault(&self, name: &str) -> String {
        let alike = |name: &str| name.replace('.', "_");
        match self.topics.keys().find(|there| alike(there) == alike(name)) {
            Some(there) => format!("topic {there:?} is there, from which it differs in . and _ alone"),
            None => "Kafka takes no such name".to_owned(),
        }
    }

    /// What makes a topic unsafe.
    pub(super) fn topic_faults(&mut self, plan: &TopicPlan) -> Result<Vec<String>, LogError> {
        let found = self.partitions(&plan.name)?;
        if plan.policy == Policy::Theirs {
            return Ok(Vec::new());
        }
        let mut faults = Vec::new();
        if found != plan.partitions {
            faults.push(format!("{found} partitions, wanted {}", plan.partitions));
        }
        if self.was_made_again(&plan.name)? {
            faults.push("it was deleted and made again, and what stood in it is gone: only a new log, under another topics.prefix, will have all of it".to_owned());
        }
        let described = self.settings_of(&plan.name)?;
        faults.extend(described.iter().flat_map(|config| self.compare(plan, config)));
        Ok(faults)
    }

    /// What a setting of a topic is, where the brokers tell.
    pub(super) fn setting(&self, topic: &str, name: &str) -> Option<String> {
        self.settings_of(topic).ok()?.iter().find_map(|config| config.get(name)?.value.clone())
    }

    fn settings_of(&self, topic: &str) -> Result<Vec<ConfigResource>, LogError> {
        let resource = ResourceSpecifier::Topic(topic);
        let options = AdminOptions::new().request_timeout(Some(PATIENCE));
        // The binding hands an error of the topic on as a topic without settings. A broker that has not heard of it yet soon has; a refusal
        // stays.
        for _ in 0..ATTEMPTS {
            let described = self.ask(|admin| admin.describe_configs([&resource], &options))?;
            let described: Result<Vec<_>, _> = described.into_iter().collect();
            let described = described.map_err(|code| failed("reading a topic's settings")(KafkaError::AdminOp(code)))?;
            if described.iter().all(|config| !config.entries.is_empty()) {
                return Ok(described);
            }
            std::thread::sleep(REST);
        }
        let about = About { right: "DescribeConfigs", topic, ..About::default() };
        Err(denied(&KafkaError::AdminOp(Code::TopicAuthorizationFailed), about))
    }

    /// The settings that a topic of ours gets. A raw topic that is made for the user is kept, and holds all that is taken.
    fn wanted(&self, plan: &TopicPlan) -> Vec<(&'static str, String)> {
        let mut settings = vec![("max.message.bytes", self.settings.message_bytes_max().to_string())];
        match plan.policy {
            Policy::Theirs => return [settings, vec![("retention.ms", "-1".to_owned())]].concat(),
            Policy::Forever => settings.extend([("cleanup.policy", "delete".to_owned()), ("retention.ms", "-1".to_owned())]),
            Policy::Days(days) => {
                settings.extend([("cleanup.policy", "delete".to_owned()), ("retention.ms", ms(days).to_string())]);
            }
            Policy::Compacted(days) => {
                settings.extend([("cleanup.policy", "compact".to_owned()), ("min.compaction.lag.ms", ms(days).to_string())]);
            }
        }
        settings.push(("message.timestamp.type", "LogAppendTime".to_owned()));
        if self.settings.replication_factor >= 3 {
            settings.push(("min.insync.replicas", "2".to_owned()));
        }
        settings
    }

    fn compare(&self, plan: &TopicPlan, config: &ConfigResource) -> Vec<String> {
        let found = |name: &str| config.get(name).and_then(|entry| entry.value.clone()).unwrap_or_default();
        let number = |name: &str| found(name).parse::<i64>().unwrap_or(0);
        let mut faults = Vec::new();
        let mut fault = |name: &str, wanted: &str| faults.push(format!("{name} is {}, has to be {wanted}", found(name)));
        let policy = found("cleanup.policy");
        if found("message.timestamp.type") != "LogAppendTime" {
            fault("message.timestamp.type", "LogAppendTime");
        }
        if number("max.message.bytes") < i64::try_from(self.settings.message_bytes_max()).unwrap_or(i64::MAX) {
            fault("max.message.bytes", &format!("at least {}", self.settings.message_bytes_max()));
        }
        let keeps = |name: &str, least: u64| {
            let kept = number(name);
            kept < 0 || u64::try_from(kept).unwrap_or(0) >= least
        };
        match plan.policy {
            Policy::Theirs => {}
            Policy::Forever => {
                if policy != "delete" {
                    fault("cleanup.policy", "delete: state is rebuilt from every message");
                }
                if number("retention.ms") >= 0 {
                    fault("retention.ms", "-1: state is rebuilt from every message");
                }
                if number("retention.bytes") >= 0 {
                    fault("retention.bytes", "-1: state is rebuilt from every message");
                }
            }
            Policy::Days(days) => {
                if policy != "delete" {
                    fault("cleanup.policy", "delete");
                }
                if !keeps("retention.ms", ms(days)) {
                    fault("retention.ms", &format!("at least {}", ms(days)));
                }
            }
            Policy::Compacted(days) => {
                if policy != "compact" {
                    fault("cleanup.policy", "compact: the last value of each key is kept for ever");
                }
                if !keeps("min.compaction.lag.ms", ms(days)) {
                    fault("min.compaction.lag.ms", &format!("at least {}: history is explained from it", ms(days)));
                }
            }
        }
        if self.settings.replication_factor >= 3 && number("min.insync.replicas") < 2 {
            fault("min.insync.replicas", "at least 2: one broker alone could lose what was acknowledged");
        }
        faults
    }

    /// Until every broker has heard of a new topic, its messages may be refused.
    fn wait_for(&mut self, topic: &str) -> Result<(), LogError> {
        let begun = now();
        for _ in 0..100 {
            let metadata = self.reader()?.fetch_metadata(Some(topic), PATIENCE).map_err(|error| self.unreachable(&error))?;
            let has_leaders = metadata.topics().iter().all(|topic| {
                topic.error().is_none()
                    && !topic.partitions().is_empty()
                    && topic.partitions().iter().all(|part| part.leader() >= 0)
            });
            if has_leaders {
                return self.list_topics();
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Err(self.in_vain("waiting for the leaders of a new topic", topic, begun))
    }

    /// Asks as an administrator, and waits for the answer.
    fn ask<T, F: Future<Output = Result<T, KafkaError>>>(
        &self,
        question: impl FnOnce(&AdminClient<Context>) -> F,
    ) -> Result<T, LogError> {
        let admin = self.settings.admin().create_with_context(Context::default()).map_err(failed("making an administrator"))?;
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        let runtime = runtime.map_err(|error| LogError::Store { doing: "asking the brokers", detail: error.to_string() })?;
        let answer = runtime.block_on(question(&admin)).map_err(failed("asking the brokers"));
        super::let_go(admin, Duration::ZERO);
        answer
    }
}

fn ms(days: u32) -> u64 {
    u64::from(days) * DAY_MS
}
