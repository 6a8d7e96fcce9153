//! How the bare loop's clients are set: as the service's are, wherever it bears on speed. Keep both alike.

use std::time::Duration;

use rdkafka::ClientConfig;

/// Age at which a transaction is committed, `transactions.interval_ms`.
pub(crate) const INTERVAL: Duration = Duration::from_millis(100);
/// Messages in a transaction at most, `transactions.records_max`.
pub(crate) const RECORDS_MAX: u32 = 20_000;
/// Bytes in and out of a transaction at most, `transactions.bytes_max`.
pub(crate) const BYTES_MAX: u64 = 8_000_000;

const CONSUMER: [(&str, &str); 8] = [
    ("check.crcs", "true"),
    ("fetch.queue.backoff.ms", "10"),
    ("fetch.wait.max.ms", "100"),
    ("queued.max.messages.kbytes", "16384"),
    ("enable.auto.commit", "false"),
    ("enable.auto.offset.store", "false"),
    ("isolation.level", "read_committed"),
    ("partition.assignment.strategy", "cooperative-sticky"),
];

const PRODUCER: [(&str, &str); 6] = [
    ("compression.type", "lz4"),
    ("linger.ms", "5"),
    ("queue.buffering.max.kbytes", "262144"),
    ("queue.buffering.max.messages", "200000"),
    ("acks", "all"),
    ("delivery.report.only.error", "true"),
];

pub(crate) fn consumer(bootstrap: &str) -> ClientConfig {
    with(bootstrap, &CONSUMER)
}

pub(crate) fn producer(bootstrap: &str) -> ClientConfig {
    with(bootstrap, &PRODUCER)
}

fn with(bootstrap: &str, settings: &[(&str, &str)]) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", bootstrap).set("enable.metrics.push", "false");
    for (name, value) in settings {
        config.set(*name, *value);
    }
    config
}
