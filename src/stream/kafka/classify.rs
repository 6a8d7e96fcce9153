//! What an error of the client means for us. The one place that knows librdkafka's error codes.

use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};

use super::super::{LogError, Recycle};

/// What to do about an error of a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    /// The same call again, with the same arguments.
    Retry,
    /// Forget the producer; what is committed will tell.
    Recycle,
    /// A right is missing: an operator has to act.
    Denied,
}

/// Rights come first: inside a transaction their errors carry the marks of an abort as well (`real-kafka.md`, measured).
pub(super) fn classify(error: &KafkaError, is_broken: bool) -> Class {
    if is_denied(error) {
        return Class::Denied;
    }
    match error {
        _ if is_broken => Class::Recycle,
        KafkaError::Transaction(error) if error.txn_requires_abort() || error.is_fatal() => Class::Recycle,
        KafkaError::Transaction(error) if error.is_retriable() => Class::Retry,
        KafkaError::Flush(Code::OperationTimedOut) => Class::Retry,
        _ => Class::Recycle,
    }
}

/// The code inside of an error. The binding does not give that of an administrator's.
pub(super) fn code(error: &KafkaError) -> Option<Code> {
    if let KafkaError::AdminOp(code) = error { Some(*code) } else { error.rdkafka_error_code() }
}

/// What broke a client, where an error says no more than that it is broken.
pub(super) fn cause(error: KafkaError, fatal: Option<&(Code, String)>) -> KafkaError {
    match fatal {
        Some((cause, _)) if code(&error) == Some(Code::Fatal) => KafkaError::Global(*cause),
        _ => error,
    }
}

/// Whether the broker knows us and says no, or does not take our login.
pub(super) fn is_denied(error: &KafkaError) -> bool {
    matches!(
        code(error),
        Some(
            Code::TopicAuthorizationFailed
                | Code::GroupAuthorizationFailed
                | Code::ClusterAuthorizationFailed
                | Code::TransactionalIdAuthorizationFailed
                | Code::Authentication
                | Code::SaslAuthenticationFailed
        )
    )
}

/// Whether it is the group that refused the offsets, since it had shared its partitions anew.
pub(super) fn recycle(error: &KafkaError) -> Recycle {
    match code(error) {
        Some(Code::IllegalGeneration | Code::UnknownMemberId | Code::RebalanceInProgress) => Recycle::Rebalance,
        _ => Recycle::Trouble,
    }
}

/// Whether another member has taken our name.
pub(super) fn is_fenced(error: &KafkaError) -> bool {
    code(error) == Some(Code::FencedInstanceId)
}

/// The error after which a consumer does nothing any more.
pub(super) fn fatal((code, detail): (Code, String), instance: &str) -> LogError {
    match code {
        Code::FencedInstanceId => LogError::Fenced { instance: instance.to_owned(), detail },
        _ => LogError::Store { doing: "reading as a member of a group", detail },
    }
}

/// Whether a message is larger than what the client sends or the topic takes: sent again, it fails again.
pub(super) fn is_too_large(error: &KafkaError) -> bool {
    code(error) == Some(Code::MessageSizeTooLarge)
}

/// Whether it is a group that the broker says no about.
pub(super) fn is_of_group(error: &KafkaError) -> bool {
    code(error) == Some(Code::GroupAuthorizationFailed)
}

/// What an error of a call may be about.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct About<'a> {
    /// The right that the call needs on its topics.
    pub(super) right: &'static str,
    /// The topics that may be meant where the code says no more than "a topic".
    pub(super) topic: &'a str,
    pub(super) group: &'a str,
    pub(super) transactional_id: &'a str,
}

/// The refusal as ours: which right, on what.
pub(super) fn denied(error: &KafkaError, about: About<'_>) -> LogError {
    let detail = error.to_string();
    let (right, resource) = match code(error) {
        Some(Code::GroupAuthorizationFailed) => ("Read", format!("group {}", about.group)),
        Some(Code::TransactionalIdAuthorizationFailed) => ("Write", format!("transactional id {}", about.transactional_id)),
        Some(Code::ClusterAuthorizationFailed) => (about.right, "the cluster".to_owned()),
        Some(Code::Authentication | Code::SaslAuthenticationFailed) => ("the login", "Kafka".to_owned()),
        _ => (about.right, format!("topic {}", about.topic)),
    };
    LogError::Denied { right, resource, detail }
}

/// An error of a question to the brokers: a refusal, or that it failed.
pub(super) fn asked(doing: &'static str, about: About<'_>) -> impl Fn(KafkaError) -> LogError {
    move |error| if is_denied(&error) { denied(&error, about) } else { failed(doing)(error) }
}

/// Whether a partition has no leader at this moment, or one that has not heard of it yet: one that has just been made, or that moves.
pub(super) fn is_leaderless(error: &KafkaError) -> bool {
    matches!(code(error), Some(Code::NotLeaderForPartition | Code::LeaderNotAvailable | Code::UnknownTopicOrPartition))
}

/// Whether an error of a poll is none of ours: the client goes on by itself.
pub(super) fn passes(error: &KafkaError) -> bool {
    matches!(error, KafkaError::MessageConsumption(code) if *code != Code::Fatal) && !is_denied(error) && !is_reset(error)
}

/// Whether an offset that was asked for is not there: too early, or beyond the end.
pub(super) fn is_reset(error: &KafkaError) -> bool {
    matches!(code(error), Some(Code::AutoOffsetReset | Code::OffsetOutOfRange))
}

/// Anything else, as ours.
pub(super) fn failed(doing: &'static str) -> impl Fn(KafkaError) -> LogError + Copy {
    move |error| LogError::Store { doing, detail: error.to_string() }
}
