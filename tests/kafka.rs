//! The service on a real Apache Kafka. One program, whose tests wait for brokers most of their time, and so run beside each other.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that finds something else than it expects stops there")]
#![allow(clippy::disallowed_methods, reason = "a test that waits gives up by the machine's time")]
#![cfg(feature = "kafka")]

#[path = "support/cluster.rs"]
mod cluster;
#[path = "support/double.rs"]
mod double;
#[path = "support/framed.rs"]
mod framed;
#[path = "support/house.rs"]
mod house;
#[path = "support/kafka.rs"]
mod kafka;
#[path = "support/pipeline.rs"]
mod pipeline;
#[path = "support/proxy.rs"]
mod proxy;
#[path = "support/said.rs"]
mod said;
#[path = "support/served.rs"]
mod served;
#[path = "support/sets.rs"]
mod sets;

#[path = "kafka/books.rs"]
mod books;
#[path = "kafka/clocks.rs"]
mod clocks;
#[path = "kafka/log.rs"]
mod log;
#[path = "kafka/network.rs"]
mod network;
#[path = "kafka/registry.rs"]
mod registry;
#[path = "kafka/rights.rs"]
mod rights;
#[path = "kafka/topics.rs"]
mod topics;
#[path = "kafka/trouble.rs"]
mod trouble;
