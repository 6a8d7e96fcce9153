//! What librdkafka tells us on the polling thread: rebalances, statistics, failed deliveries, its log. Takes notes; decides nothing.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{DeliveryResult, Message};
use rdkafka::producer::ProducerContext;
use rdkafka::types::RDKafkaRespErr;
use rdkafka::util::Timeout;
use rdkafka::{ClientContext, Statistics, TopicPartitionList};

use super::super::clock::now;
use super::classify::is_denied;

/// While brokers are away, a client says so again and again; what is said of it once in this time is enough.
const AGAIN: Duration = Duration::from_secs(10);

/// The notes of one client.
#[derive(Default)]
pub(super) struct Context {
    rebalances: Mutex<VecDeque<Rebalance>>,
    statistics: Mutex<Option<Statistics>>,
    /// Topics of messages that could not be delivered, and why; in a transaction often a mere consequence.
    undelivered: Mutex<Option<(String, KafkaError)>>,
    /// The topic that a transaction was refused for: only the log says which.
    refused: Mutex<Option<String>>,
    /// The last error that concerns the client as a whole.
    trouble: Mutex<Option<(KafkaError, String)>>,
    /// When it was last told that a connection failed: by the client's log, by its errors.
    told: [Mutex<Option<Instant>>; 2],
    /// From here on rebalances are answered at once: nobody will take up the notes.
    closing: AtomicBool,
}

/// A rebalance that the loop has to answer.
pub(super) enum Rebalance {
    Assign(TopicPartitionList),
    Revoke { partitions: TopicPartitionList, lost: bool },
}

impl Context {
    pub(super) fn next_rebalance(&self) -> Option<Rebalance> {
        held(&self.rebalances).pop_front()
    }

    /// Puts a rebalance back that could not be answered yet.
    pub(super) fn put_back(&self, rebalance: Rebalance) {
        held(&self.rebalances).push_front(rebalance);
    }

    pub(super) fn statistics(&self) -> Option<Statistics> {
        held(&self.statistics).take()
    }

    pub(super) fn undelivered(&self) -> Option<(String, KafkaError)> {
        held(&self.undelivered).take()
    }

    pub(super) fn refused(&self) -> Option<String> {
        held(&self.refused).take()
    }

    pub(super) fn trouble(&self) -> Option<(KafkaError, String)> {
        held(&self.trouble).take()
    }

    /// Whether a failed connection has just been told of; from now on it has.
    fn is_told(&self, by: usize) -> bool {
        let Some(told) = self.told.get(by) else { return false };
        let (mut told, now) = (held(told), now());
        let is_told = told.is_some_and(|told| now.saturating_duration_since(told) < AGAIN);
        if !is_told {
            *told = Some(now);
        }
        is_told
    }

    pub(super) fn close(&self) {
        self.closing.store(true, Ordering::Release);
    }
}

impl ClientContext for Context {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        if facility == "ADDPARTS" && message.contains("authorization failed") {
            *held(&self.refused) = message.split('"').nth(1).map(str::to_owned);
        }
        match level {
            _ if facility == "FAIL" && self.is_told(0) => tracing::debug!(target: "librdkafka", facility, "{message}"),
            RDKafkaLogLevel::Emerg | RDKafkaLogLevel::Alert | RDKafkaLogLevel::Critical | RDKafkaLogLevel::Error => {
                tracing::error!(target: "librdkafka", facility, "{message}");
            }
            // A property of the user's goes to producers and consumers alike, and a client that is made for a look has no servers.
            RDKafkaLogLevel::Warning | RDKafkaLogLevel::Notice if facility == "CONFWARN" => {
                tracing::debug!(target: "librdkafka", facility, "{message}")
            }
            RDKafkaLogLevel::Warning => tracing::warn!(target: "librdkafka", facility, "{message}"),
            RDKafkaLogLevel::Notice | RDKafkaLogLevel::Info => tracing::info!(target: "librdkafka", facility, "{message}"),
            RDKafkaLogLevel::Debug => tracing::debug!(target: "librdkafka", facility, "{message}"),
        }
    }

    fn stats_raw(&self, statistics: &[u8]) {
        // Known to be broken now and then (librdkafka issues 5378, 5390): the next ones come in a second.
        if let Ok(read) = serde_json::from_slice(statistics) {
            *held(&self.statistics) = Some(read);
        }
    }

    fn error(&self, error: KafkaError, reason: &str) {
        // An end that was reached is no trouble, and comes with every pause of the writers.
        if error.rdkafka_error_code() == Some(RDKafkaErrorCode::PartitionEOF) {
            return;
        }
        let is_away = matches!(
            error.rdkafka_error_code(),
            Some(RDKafkaErrorCode::BrokerTransportFailure | RDKafkaErrorCode::AllBrokersDown | RDKafkaErrorCode::Resolve)
        );
        if is_away && self.is_told(1) {
            tracing::debug!(target: "librdkafka", %error, reason);
        } else {
            tracing::warn!(target: "librdkafka", %error, reason);
        }
        // A login that is refused, or a line that cannot be set up, is the cause of what comes after it: that all brokers are down.
        let mut trouble = held(&self.trouble);
        let is_consequence = error.rdkafka_error_code() == Some(RDKafkaErrorCode::AllBrokersDown);
        if !trouble.as_ref().is_some_and(|(known, _)| is_denied(known) || is_consequence) {
            *trouble = Some((error, reason.to_owned()));
        }
    }
}

impl ConsumerContext for Context {
    fn rebalance(&self, consumer: &BaseConsumer<Self>, error: RDKafkaRespErr, partitions: &mut TopicPartitionList) {
        let is_assignment = error == RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS;
        if self.closing.load(Ordering::Acquire) {
            let answer =
                if is_assignment { consumer.incremental_assign(partitions) } else { consumer.incremental_unassign(partitions) };
            return drop(answer);
        }
        let partitions = partitions.clone();
        held(&self.rebalances).push_back(if is_assignment {
            Rebalance::Assign(partitions)
        } else {
            Rebalance::Revoke { partitions, lost: consumer.assignment_lost() }
        });
    }

    fn main_queue_min_poll_interval(&self) -> Timeout {
        Timeout::After(Duration::from_secs(1))
    }
}

impl ProducerContext for Context {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        if let Err((error, message)) = result {
            held(&self.undelivered).get_or_insert_with(|| (message.topic().to_owned(), error.clone()));
        }
    }
}

fn held<T>(notes: &Mutex<T>) -> MutexGuard<'_, T> {
    notes.lock().unwrap_or_else(PoisonError::into_inner)
}
