//! The producer on librdkafka's mock of a cluster, which answers as it is told to: what is asked again, and what costs the producer.

use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::mocking::MockCluster;
use rdkafka::producer::DefaultProducerContext;
use rdkafka::types::{RDKafkaApiKey as Call, RDKafkaRespErr as Answer};
use rdkafka::{Offset, TopicPartitionList};

use super::*;

/// How often each answer is given in a row.
const TIMES: usize = 2;

struct Place {
    cluster: MockCluster<'static, DefaultProducerContext>,
    consumer: BaseConsumer,
    writer: Writer,
}

impl Place {
    fn new() -> Place {
        let cluster = MockCluster::new(1).unwrap();
        cluster.create_topic("out", 1, 1).unwrap();
        cluster.create_topic("in", 1, 1).unwrap();
        let settings = KafkaSettings {
            bootstrap_servers: cluster.bootstrap_servers(),
            // Soon asked again.
            properties: [("retry.backoff.ms".to_owned(), "10".to_owned())].into(),
            prefix: "entrepot.".to_owned(),
            instance: "test".to_owned(),
            replication_factor: 1,
            payload_bytes_max: 1_000_000,
            interval: Duration::from_millis(100),
        };
        Place { consumer: consumer(&cluster, "group"), cluster, writer: Writer::new(&settings, "test".to_owned()) }
    }

    /// A transaction with a message and an offset.
    fn transact(&mut self) -> Result<Outcome, LogError> {
        self.writer.send(&[], &outgoing(), 0)?;
        let mut offsets = TopicPartitionList::new();
        offsets.add_partition_offset("in", 0, Offset::Offset(1)).unwrap();
        self.writer.commit(Some((offsets, self.consumer.group_metadata().unwrap())), "group")
    }
}

fn consumer(cluster: &MockCluster<'static, DefaultProducerContext>, group: &str) -> BaseConsumer {
    ClientConfig::new().set("bootstrap.servers", cluster.bootstrap_servers()).set("group.id", group).create().unwrap()
}

fn outgoing() -> Outgoing {
    Outgoing { topic: "out".into(), partition: Some(0), key: None, value: Some(b"value".to_vec()), headers: Vec::new() }
}

/// The calls of a transaction, in their order.
const CALLS: [Call; 5] =
    [Call::InitProducerId, Call::AddPartitionsToTxn, Call::AddOffsetsToTxn, Call::TxnOffsetCommit, Call::EndTxn];

#[test]
fn errors_that_pass_are_asked_again() {
    let passing = [
        Answer::RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS,
        Answer::RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE,
        Answer::RD_KAFKA_RESP_ERR_NOT_COORDINATOR,
        Answer::RD_KAFKA_RESP_ERR_CONCURRENT_TRANSACTIONS,
    ];
    for call in CALLS {
        let mut place = Place::new();
        for answer in passing {
            // The producer's first step is taken once.
            if call == Call::InitProducerId {
                place.writer.drop_producer(Duration::ZERO);
            }
            // Offsets are never kept back by a transaction that still ends.
            if call == Call::TxnOffsetCommit && answer == Answer::RD_KAFKA_RESP_ERR_CONCURRENT_TRANSACTIONS {
                continue;
            }
            place.cluster.request_errors(call, &[answer; TIMES]);
            let outcome = place.transact().unwrap();
            assert!(matches!(outcome, Outcome::Committed), "{call:?} {answer:?}");
            place.cluster.clear_request_errors(call);
        }
    }
}

#[test]
fn offsets_that_are_never_taken_cost_the_producer_and_not_the_worker() {
    let mut place = Place::new();
    assert!(matches!(place.transact().unwrap(), Outcome::Committed));
    // All brokers are up by now. Of a group whose coordinator is not known this answer is no reason to ask again, nor an end: the client
    // waits for news of a broker, and none comes.
    place.consumer = consumer(&place.cluster, "other");
    place.cluster.request_errors(Call::FindCoordinator, &[Answer::RD_KAFKA_RESP_ERR_NOT_COORDINATOR; 50]);
    place.writer.deadline = Duration::from_secs(1);
    let Outcome::Unsure(sent, _) = place.transact().unwrap() else { panic!("committed") };
    assert_eq!(sent, [outgoing()]);
    place.writer.deadline = COMMIT_DEADLINE;
    place.cluster.clear_request_errors(Call::FindCoordinator);
    assert!(matches!(place.transact().unwrap(), Outcome::Committed));
}

#[test]
fn after_other_errors_what_was_sent_comes_back_and_a_new_producer_goes_on() {
    const EPOCH: Answer = Answer::RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH;
    const FENCED: Answer = Answer::RD_KAFKA_RESP_ERR_PRODUCER_FENCED;
    const STATE: Answer = Answer::RD_KAFKA_RESP_ERR_INVALID_TXN_STATE;
    const OF_GROUP: [Answer; 2] = [Answer::RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION, Answer::RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID];
    let fatal = [
        (Call::AddPartitionsToTxn, vec![EPOCH, FENCED, STATE]),
        (Call::AddOffsetsToTxn, vec![EPOCH, FENCED, STATE]),
        (Call::TxnOffsetCommit, [&[EPOCH][..], &OF_GROUP].concat()),
        (Call::EndTxn, vec![EPOCH, FENCED, STATE]),
    ];
    for (call, answers) in fatal {
        let mut place = Place::new();
        for answer in answers {
            place.cluster.request_errors(call, &[answer; TIMES]);
            let Outcome::Unsure(sent, why) = place.transact().unwrap() else { panic!("{call:?} {answer:?}: committed") };
            assert_eq!(sent, [outgoing()], "{call:?} {answer:?}");
            // A group that has shared its partitions anew is no trouble.
            let wanted = if OF_GROUP.contains(&answer) { Recycle::Rebalance } else { Recycle::Trouble };
            assert_eq!(why, wanted, "{call:?} {answer:?}");
            assert!(place.writer.producer.is_none(), "{call:?} {answer:?}: the producer is kept");
            place.cluster.clear_request_errors(call);
            assert!(matches!(place.transact().unwrap(), Outcome::Committed), "after {call:?} {answer:?}");
        }
    }
    // Another process has our name: that is for a person.
    let mut place = Place::new();
    place.cluster.request_errors(Call::TxnOffsetCommit, &[Answer::RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID; TIMES]);
    let error = place.transact().err().expect("it is no longer ours");
    assert_eq!(error.exit_code(), 75, "{error}");
    // A refusal as well.
    let mut place = Place::new();
    place
        .cluster
        .request_errors(Call::AddPartitionsToTxn, &[Answer::RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED; TIMES]);
    let refused = |error: LogError| {
        assert!(
            error.exit_code() == 77 && error.to_string().starts_with("transactional id test: the broker refuses Write"),
            "{error}"
        );
    };
    refused(place.transact().err().expect("a right is missing"));
    // So it is where more is sent once it is known: that fails as well, and says no more than that the client is broken.
    let mut place = Place::new();
    place
        .cluster
        .request_errors(Call::AddPartitionsToTxn, &[Answer::RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED; TIMES]);
    place.writer.send(&[], &outgoing(), 0).unwrap();
    let broken = |place: &Place| place.writer.producer.as_ref().unwrap().client().fatal_error().is_some();
    while !broken(&place) {
        place.writer.hear();
        std::thread::sleep(Duration::from_millis(5));
    }
    refused(place.transact().err().expect("a right is missing"));
}

#[test]
fn a_message_that_is_too_large_is_told_from_a_log_that_is_busy_and_the_next_goes_out() {
    let mut place = Place::new();
    let mut large = outgoing();
    large.value = Some(vec![b'x'; 2_000_000]);
    let too_large = |error: LogError| matches!(&error, LogError::TooLarge { topic, .. } if topic == "out");
    // The client itself does not send it.
    place.writer.send(&[], &outgoing(), 0).unwrap();
    place.writer.send(&[], &large, 0).unwrap();
    assert!(too_large(place.writer.commit(None, "").err().expect("it is too large")));
    assert!(matches!(place.transact().unwrap(), Outcome::Committed));
    // The broker takes less than the client sends.
    place.cluster.request_errors(Call::Produce, &[Answer::RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE]);
    assert!(too_large(place.transact().err().expect("it is too large")));
    place.cluster.clear_request_errors(Call::Produce);
    assert!(matches!(place.transact().unwrap(), Outcome::Committed));
}
