//! How librdkafka is set: what entrepot owns, what a user may set beside it, and which time has to be shorter than which.

use std::collections::BTreeMap;
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::consumer::BaseConsumer;
use rdkafka::error::KafkaError;
use rdkafka::producer::BaseProducer;

use super::super::LogError;
use super::super::envelope::message_bytes_max;
use super::context::Context;

/// What the Kafka home needs to know.
#[derive(Clone, PartialEq, Eq)]
pub struct KafkaSettings {
    /// `host:port`, separated by commas.
    pub bootstrap_servers: String,
    /// librdkafka properties of the user's.
    pub properties: BTreeMap<String, String>,
    /// What the names of our topics, groups and transactional ids begin with.
    pub prefix: String,
    /// This instance's name among others: static membership and fencing go by it.
    pub instance: String,
    /// Copies of a partition of a topic that is made.
    pub replication_factor: i32,
    /// The largest message taken; ours may be larger by their headers.
    pub payload_bytes_max: u64,
    /// Age at which a transaction is committed.
    pub interval: Duration,
}

/// Of the user's properties their names alone: a password may be among the values.
impl std::fmt::Debug for KafkaSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KafkaSettings")
            .field("bootstrap_servers", &self.bootstrap_servers)
            .field("properties", &self.properties.keys())
            .field("prefix", &self.prefix)
            .field("instance", &self.instance)
            .finish_non_exhaustive()
    }
}

/// Properties on which exactly-once rests. Setting one is refused.
const OWNED: [&str; 23] = [
    "acks",
    "request.required.acks",
    "auto.commit.enable",
    "auto.offset.reset",
    "bootstrap.servers",
    "client.id",
    "delivery.report.only.error",
    "enable.auto.commit",
    "enable.auto.offset.store",
    "enable.idempotence",
    "enable.partition.eof",
    "group.id",
    "group.instance.id",
    "group.protocol",
    "group.remote.assignor",
    "isolation.level",
    "log.queue",
    "metadata.broker.list",
    "partition.assignment.strategy",
    "partitioner",
    "statistics.interval.ms",
    "transactional.id",
    "allow.auto.create.topics",
];

/// For every client (`kafka.md` of the project's notes, measured): quick to notice a broken connection, quick to come back.
const COMMON: [(&str, &str); 6] = [
    ("enable.metrics.push", "false"),
    ("socket.keepalive.enable", "true"),
    ("socket.connection.setup.timeout.ms", "10000"),
    ("reconnect.backoff.ms", "100"),
    ("reconnect.backoff.max.ms", "5000"),
    ("topic.metadata.refresh.interval.ms", "60000"),
];

const CONSUMER: [(&str, &str); 9] = [
    ("check.crcs", "true"),
    ("fetch.error.backoff.ms", "100"),
    // A full queue would sleep for a second.
    ("fetch.queue.backoff.ms", "10"),
    // What comes is answered at once; only a broker without news is asked again.
    ("fetch.wait.max.ms", "500"),
    ("queued.max.messages.kbytes", "16384"),
    ("heartbeat.interval.ms", "3000"),
    ("socket.timeout.ms", "30000"),
    ("session.timeout.ms", "45000"),
    ("max.poll.interval.ms", "300000"),
];

const PRODUCER: [(&str, &str); 9] = [
    ("compression.type", "lz4"),
    ("linger.ms", "5"),
    ("message.timeout.ms", "8000"),
    ("queue.buffering.max.kbytes", "262144"),
    ("queue.buffering.max.messages", "200000"),
    ("retry.backoff.ms", "250"),
    ("retry.backoff.max.ms", "1000"),
    ("socket.timeout.ms", "10000"),
    ("transaction.timeout.ms", "15000"),
];

/// What is told of no one property.
const TOGETHER: &str = "all together";

impl KafkaSettings {
    /// Whether all of it can be taken; no broker is asked.
    ///
    /// # Errors
    ///
    /// [`LogError::Property`], which names the property and what is allowed.
    pub fn validate(&self) -> Result<(), LogError> {
        let refuse = |property: &str, why: String| LogError::Property { property: property.to_owned(), why };
        if let Some(owned) = self.properties.keys().find(|name| OWNED.contains(&name.as_str())) {
            return Err(refuse(owned, "entrepot owns it; exactly-once delivery rests on it. Leave it out".to_owned()));
        }
        let refused = |error| match error {
            KafkaError::ClientConfig(_, why, name, _) => refuse(&name, why),
            // It is the machine's fault, and passes.
            KafkaError::ClientCreation(why) if why.starts_with("Failed to create thread") => {
                LogError::Store { doing: "making a client", detail: why }
            }
            KafkaError::ClientCreation(why) => refuse(self.named_in(&why), why.clone()),
            error => refuse(TOGETHER, error.to_string()),
        };
        let (mut consumer, mut producer) = (self.consumer("check", "check-0", 0), self.producer("check"));
        consumer.create_native_config().and_then(|_| producer.create_native_config()).map_err(refused)?;
        self.times_fit()?;
        // Files, mechanisms and what has to go together are looked at when a client is made. Without servers it asks nobody.
        let consumer = consumer.remove("bootstrap.servers").create_with_context::<_, BaseConsumer<_>>(Context::default());
        super::let_go(consumer.map_err(refused)?, super::END_PATIENCE);
        let producer = producer.remove("bootstrap.servers").create_with_context::<_, BaseProducer<_>>(Context::default());
        super::let_go(producer.map_err(refused)?, super::END_PATIENCE);
        Ok(())
    }

    /// The property of the user's that a complaint is about.
    fn named_in(&self, why: &str) -> &str {
        let named = self.properties.keys().filter(|name| why.contains(name.as_str()));
        named.max_by_key(|name| name.len()).map_or(TOGETHER, String::as_str)
    }

    /// A longer time must be longer than a shorter one: a lost message fails its transaction, a dead member's transaction is gone
    /// before its partitions move.
    fn times_fit(&self) -> Result<(), LogError> {
        let (consumer, producer) = (self.consumer("", "", 0), self.producer(""));
        let of =
            |config: &ClientConfig, name: &'static str| (name, config.get(name).and_then(|text| text.parse().ok()).unwrap_or(0));
        let interval = u64::try_from(self.interval.as_millis()).unwrap_or(u64::MAX);
        let times: [(&str, u64); 6] = [
            of(&producer, "linger.ms"),
            ("transactions.interval_ms", interval),
            of(&producer, "message.timeout.ms"),
            of(&producer, "transaction.timeout.ms"),
            of(&consumer, "session.timeout.ms"),
            of(&consumer, "max.poll.interval.ms"),
        ];
        for pair in times.windows(2) {
            if let [(shorter, less), (longer, more)] = pair
                && less >= more
            {
                let why = format!("{shorter} = {less} must be below {longer} = {more}");
                return Err(LogError::Property { property: (*longer).to_owned(), why });
            }
        }
        Ok(())
    }

    /// What a group knows a member of this instance by, over restarts.
    pub(super) fn member(&self, number: usize) -> String {
        format!("{}-{number}", self.instance)
    }

    /// A member of a group, by its number in this instance.
    pub(super) fn consumer(&self, group: &str, client: &str, number: usize) -> ClientConfig {
        let mut config = self.reader(client);
        config
            .set("group.id", group)
            .set("group.instance.id", self.member(number))
            .set("group.protocol", "classic")
            .set("partition.assignment.strategy", "cooperative-sticky")
            .set("statistics.interval.ms", "1000");
        config
    }

    /// A consumer that is no member of any group. A group's name is needed to read; it never commits under it.
    pub(super) fn reader(&self, client: &str) -> ClientConfig {
        let mut config = self.with(client, &CONSUMER);
        config
            .set("group.id", format!("{}reader", self.prefix))
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            .set("auto.offset.reset", "error")
            .set("isolation.level", "read_committed")
            .set("enable.partition.eof", "true");
        config
    }

    /// A transactional producer.
    pub(super) fn producer(&self, transactional_id: &str) -> ClientConfig {
        let mut config = self.with(transactional_id, &PRODUCER);
        config
            .set("transactional.id", transactional_id)
            .set("acks", "all")
            .set("message.max.bytes", self.message_bytes_max().to_string())
            // Successes would be reported one by one, to be thrown away.
            .set("delivery.report.only.error", "true")
            .set("statistics.interval.ms", "1000");
        config
    }

    /// Makes and describes topics.
    pub(super) fn admin(&self) -> ClientConfig {
        self.with("admin", &[])
    }

    /// The largest message of ours.
    pub(super) fn message_bytes_max(&self) -> u64 {
        message_bytes_max(self.payload_bytes_max)
    }

    fn with(&self, client: &str, defaults: &[(&str, &str)]) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &self.bootstrap_servers).set("client.id", format!("entrepot-{client}"));
        config.set("allow.auto.create.topics", "false");
        for (name, value) in COMMON.iter().chain(defaults) {
            config.set(*name, *value);
        }
        for (name, value) in &self.properties {
            config.set(name, value);
        }
        config
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_secret_is_printed_or_told_by_an_error() {
        let settings = |name: &str, value: &str| KafkaSettings {
            bootstrap_servers: "127.0.0.1:9092".to_owned(),
            properties: BTreeMap::from([
                ("sasl.password".to_owned(), "hunter2".to_owned()),
                ("ssl.key.password".to_owned(), "hunter2".to_owned()),
                (name.to_owned(), value.to_owned()),
            ]),
            prefix: "entrepot.".to_owned(),
            instance: "test".to_owned(),
            replication_factor: 1,
            payload_bytes_max: 1,
            interval: Duration::from_millis(100),
        };
        let printed = format!("{:?}", settings("linger.ms", "6"));
        assert!(printed.contains("sasl.password") && !printed.contains("hunter2"), "{printed}");
        for (name, value) in [("security.protocol", "hearsay"), ("acks", "1"), ("linger.ms", "9000"), ("nonsense", "1")] {
            let error = settings(name, value).validate().unwrap_err();
            let told = format!("{error} {error:?}");
            assert!(told.contains(name) && !told.contains("hunter2"), "{told}");
        }
    }
}
