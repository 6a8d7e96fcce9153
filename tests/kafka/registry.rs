//! A feed in Avro on a real Apache Kafka while its schema registry is away: it waits and keeps its partitions, other feeds go on, and neither
//! the wait nor who ends the service meanwhile loses or doubles a record.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use crate::double::{Double, Mood};
use crate::framed::FLOW;
use crate::house::{DEAD_LETTERS, House, MOVEMENTS, Service, header, messages, metric};
use crate::kafka::{Broker, Brokers, Secure, figure, processor_seconds, wait_until};
use crate::served::{on, set};
use entrepot::stream::kafka::KafkaLog;
use entrepot::stream::{Home, Log as _, NextOffsets, Outgoing};
use serde_json::json;

const BILLS: &str = "bills";
const PLAIN: &str = "plain";
/// Who asks for no message for so long is out of the group; no less than a session, which is longer than a transaction.
const POLLS: Duration = Duration::from_secs(17);
const DRAIN: Duration = Duration::from_secs(10);

/// The service's house, its broker and its registry, and how many messages each feed has got.
struct Scene {
    house: House,
    double: Double,
    log: KafkaLog,
    settings: Vec<String>,
    sent: [usize; 2],
    broker: Broker,
}

impl Scene {
    fn new() -> Scene {
        let double = Double::new();
        (1..=3).for_each(|id| double.schema(id, "AVRO", FLOW, json!([])));
        let (house, broker) = (crate::framed::house(&double), Broker::start("registry", Brokers::One, Secure::No));
        let mut settings = on(&broker);
        settings.push("log.kafka.properties.session.timeout.ms=16000".to_owned());
        settings.push(format!("log.kafka.properties.max.poll.interval.ms={}", POLLS.as_millis()));
        settings.push(format!("service.drain_timeout_seconds={}", DRAIN.as_secs()));
        house.done(&[&set(&settings)[..], &["-q", "topics", "create"]].concat());
        Scene { house, double, log: broker.log(&[]), settings, sent: [0; 2], broker }
    }

    fn serve(&self) -> Service {
        self.house.serve((&self.settings.iter().map(String::as_str).collect::<Vec<_>>(), &[]))
    }

    fn send(&mut self, topic: &str, values: Vec<Vec<u8>>) {
        self.sent[usize::from(topic == PLAIN)] += values.len();
        for value in values {
            let outgoing =
                Outgoing { topic: topic.into(), partition: Some(0), key: None, value: Some(value), headers: Vec::new() };
            self.log.send(outgoing).unwrap();
        }
        self.log.commit(&NextOffsets::new()).unwrap();
    }

    /// Bills by schemas of these ids.
    fn send_bills(&mut self, ids: &[u32]) {
        let first = self.sent[0];
        let bills = ids.iter().zip(first..).map(|(id, number)| crate::framed::flow(*id, &month(number))).collect();
        self.send(BILLS, bills);
    }

    /// One record of the other feed, to the end.
    fn see_the_other_feed_go_on(&mut self) {
        let record = crate::served::flow(&month(self.sent[1])).into_bytes();
        self.send(PLAIN, vec![record]);
        wait_until("the other feed's going on", || self.lag(PLAIN) == 0);
    }

    fn lag(&mut self, feed: &str) -> u64 {
        self.log.lag("entrepot.ingest", &[feed.to_owned()]).unwrap()
    }

    /// Messages of a feed that have become movements, each once; none is a dead letter.
    fn taken(&mut self, feed: &str) -> usize {
        assert!(messages(&mut self.log, DEAD_LETTERS).is_empty());
        let movements = messages(&mut self.log, MOVEMENTS);
        let is_tick = |key: &Option<Vec<u8>>| key.as_deref() == Some(b"tick");
        let inputs =
            movements.iter().filter(|movement| !is_tick(&movement.key)).map(|movement| header(movement, "entrepot-input"));
        let of_feed: Vec<String> = inputs.filter(|input| input.starts_with(&format!("{feed}/"))).collect();
        assert_eq!(of_feed.iter().collect::<BTreeSet<_>>().len(), of_feed.len(), "{of_feed:?}");
        of_feed.len()
    }

    fn wait_for_all(&mut self) {
        wait_until("all of both feeds", || self.lag(BILLS) + self.lag(PLAIN) == 0);
        wait_until("all movements", || self.log.lag("entrepot.assess", &[MOVEMENTS.to_owned()]).unwrap() == 0);
        assert_eq!([self.taken(BILLS), self.taken(PLAIN)], self.sent);
    }
}

fn month(number: usize) -> String {
    format!("{}-{:02}", 2020 + number / 12 % 5, number % 12 + 1)
}

fn wait_for_its_word(service: &Service) {
    wait_until("the word that the feed waits", || service.errors().contains("feed waits"));
}

fn gauge(service: &mut Service, name: &str) -> u64 {
    metric(&service.get("/metrics"), name, &["feed=\"bills\""])
}

/// All go through but those from the first on whose schema the registry does not give, and the service is well meanwhile.
fn a_wait_is_longer_than_a_member_may_be_silent(scene: &mut Scene) {
    let mut service = scene.serve();
    scene.send_bills(&[1, 1, 1]);
    wait_until("what came before", || scene.taken(BILLS) == 3);

    scene.double.be(Mood::Failing(500));
    // The first two are of a transaction that is open when the third has to wait.
    scene.send_bills(&[1, 1, 2, 1, 2]);
    wait_for_its_word(&service);
    let began = Instant::now();
    while began.elapsed() < POLLS + Duration::from_secs(5) {
        scene.send_bills(&[2, 1]);
        scene.see_the_other_feed_go_on();
        scene.double.be(if began.elapsed() < POLLS / 2 { Mood::Failing(500) } else { Mood::Silent });
    }
    assert_eq!(scene.taken(BILLS), 5);
    assert_eq!((gauge(&mut service, "entrepot_feed_waiting"), gauge(&mut service, "entrepot_feed_paused")), (1, 0));
    assert!(service.answers("/healthz") && service.answers("/readyz"), "{}", service.errors());

    scene.double.be(Mood::Well);
    scene.wait_for_all();
    wait_until("the word that it goes on", || service.errors().contains("feed goes on"));
    assert_eq!(gauge(&mut service, "entrepot_feed_waiting"), 0);
    let said = service.errors();
    assert!(!said.contains("partitions go away"), "{said}");
    service.end();
}

/// Killed, begun again, ended: each while the feed waits.
fn a_service_ends_while_it_waits(scene: &mut Scene) {
    let mut service = scene.serve();
    scene.send_bills(&[1]);
    scene.wait_for_all();
    let before = scene.sent[0];
    scene.double.be(Mood::Gone);
    scene.send_bills(&[1, 3, 1, 3]);
    wait_for_its_word(&service);
    wait_until("what came before", || scene.taken(BILLS) == before + 1);
    service.child.kill().unwrap();
    service.child.wait().unwrap();

    let service = scene.serve();
    wait_for_its_word(&service);
    let asked = |scene: &Scene| (1..=3).map(|id| scene.double.asked(&format!("/schemas/ids/{id}"))).sum::<usize>();
    let (began, spent, questions) = (Instant::now(), processor_seconds(&service.child), asked(scene));
    wait_until("some more questions", || asked(scene) > questions + 3);
    let share = (processor_seconds(&service.child) - spent) / began.elapsed().as_secs_f64();
    figure(&format!("{:.1} % of a processor while a feed waits", share * 100.0));
    assert!(share < 0.05, "it spins: {share}");
    assert_eq!(scene.taken(BILLS), before + 1);

    scene.double.be(Mood::Silent);
    let questions = asked(scene);
    wait_until("a question that hangs", || asked(scene) > questions);
    let began = Instant::now();
    service.end();
    assert!(began.elapsed() < DRAIN, "{:?}", began.elapsed());
    figure(&format!("{:.1} s from SIGTERM to the end while a question hangs", began.elapsed().as_secs_f64()));
    assert_eq!(scene.taken(BILLS), before + 1);
}

#[test]
fn a_feed_waits_for_a_registry_that_is_away_and_nothing_of_it_is_lost_or_doubled() {
    let mut scene = Scene::new();
    a_wait_is_longer_than_a_member_may_be_silent(&mut scene);
    a_service_ends_while_it_waits(&mut scene);
    scene.double.be(Mood::Well);
    let service = scene.serve();
    scene.wait_for_all();
    service.end();
    scene.broker.audit(&[BILLS, PLAIN], 0);
}
