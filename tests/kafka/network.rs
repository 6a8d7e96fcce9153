//! The real service on a real Apache Kafka behind a network that fails it: answers to the end of a transaction are lost or late, the line
//! is slow, or silent. Afterwards the same stands there as on the embedded log, and an independent client finds nothing wrong.

use std::fs::{self, File};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::house::{House, MOVEMENTS, VERDICTS, by_key, without_offset};
use crate::kafka::{Broker, Brokers, Secure, ended, wait_until};
use crate::proxy::Proxy;
use entrepot::stream::kafka::KafkaLog;
use entrepot::stream::{Home, write_ticks};

const RECORDS: &str = "500";
const CLOSING: &str = "2026-01-01";

/// A service and a feed that see their broker through a proxy alone.
struct Place {
    house: House,
    proxy: Proxy,
    broker: Broker,
    set: Vec<String>,
    service: Child,
    feed: Child,
}

impl Place {
    /// Feeds so many rows a second.
    fn new(name: &str, rate: u32) -> Place {
        let house = House::new(&[("world", "canonical")]);
        let simulate = ["-q", "simulate", "--seed", "5", "--out", "simulated", "--from", "2023-01", "--until", "2025-06"];
        house.done(&[&simulate[..], &["--records", RECORDS, "--scheme", "relabel"]].concat());
        let records = house.path("simulated/records.ndjson");
        house.feed(&records, "world");
        house.serve_to_the_end((&[], &[]), CLOSING);
        let proxy = Proxy::new();
        let advertised = format!("advertised.listeners=CLIENT://{}", proxy.address());
        let broker = Broker::start_with((name, Brokers::One, Secure::No), &["--set", &advertised]);
        proxy.leads_to(broker.bootstrap());
        let servers = format!("log.kafka.bootstrap_servers={}", proxy.address());
        let set = ["log.kind=kafka", "topics.replication_factor=1", "transactions.records_max=20", &servers];
        let set = set.iter().flat_map(|set| ["--set".to_owned(), (*set).to_owned()]).collect();
        let idle = || Command::new("true").spawn().unwrap();
        let mut place = Place { house, proxy, broker, set, service: idle(), feed: idle() };
        assert_eq!(ended("topics create", &mut place.spawn("topics", &["topics", "create"])), Some(0));
        place.service = place.spawn("service", &["--log", "json", "run"]);
        let rate = rate.to_string();
        place.feed = place.spawn("feed", &["-q", "feed", records.to_str().unwrap(), "--feed", "world", "--rate", &rate]);
        place
    }

    fn spawn(&self, name: &str, arguments: &[&str]) -> Child {
        let set: Vec<&str> = self.set.iter().map(String::as_str).collect();
        let said = File::options().append(true).create(true).open(self.house.path(&format!("{name}.log"))).unwrap();
        let mut command = self.house.command(&[&set[..], arguments].concat());
        command.stdout(Stdio::null()).stderr(said).spawn().unwrap()
    }

    fn said(&self) -> String {
        fs::read_to_string(self.house.path("service.log")).unwrap()
    }

    /// Waits until all is done, and holds it against the embedded log.
    #[track_caller]
    fn finish(mut self) -> String {
        assert_eq!(ended("the feed", &mut self.feed), Some(0), "{}", fs::read_to_string(self.house.path("feed.log")).unwrap());
        let mut log = self.broker.log(&[]);
        for closing in [None, Some(CLOSING)] {
            closing.iter().for_each(|date| drop(write_ticks(&mut log, MOVEMENTS, date.parse().unwrap()).unwrap()));
            wait_until("both stages catching up", || {
                assert!(self.service.try_wait().unwrap().is_none(), "{}", self.said());
                lag(&mut log) == 0
            });
        }
        assert!(Command::new("kill").args(["-TERM", &self.service.id().to_string()]).status().unwrap().success());
        assert_eq!(ended("the end after SIGTERM", &mut self.service), Some(0), "{}", self.said());
        let mut embedded = self.house.log();
        for topic in VERDICTS {
            let all = |values: &[Vec<u8>]| values.iter().map(|value| without_offset(value)).collect::<Vec<_>>();
            let (wanted, found) = (by_key(&mut embedded, topic), by_key(&mut log, topic));
            assert!(topic == "entrepot.alerts" || !wanted.is_empty());
            assert_eq!(found.keys().collect::<Vec<_>>(), wanted.keys().collect::<Vec<_>>(), "keys of {topic}");
            wanted.iter().for_each(|(key, values)| assert_eq!(all(&found[key]), all(values), "{topic}"));
        }
        self.broker.audit(&["world"], 0);
        self.said()
    }
}

impl Drop for Place {
    /// A test that fails leaves nothing running.
    fn drop(&mut self) {
        for child in [&mut self.service, &mut self.feed] {
            drop(child.kill());
            drop(child.wait());
        }
    }
}

fn lag(log: &mut KafkaLog) -> u64 {
    let raw = log.lag("entrepot.ingest", &["world".to_owned()]).unwrap();
    raw + log.lag("entrepot.assess", &[MOVEMENTS.to_owned()]).unwrap()
}

/// Waits until the service has committed something new.
fn goes_on(place: &Place) {
    let mut log = place.broker.log(&[]);
    let end = |log: &mut KafkaLog| entrepot::stream::Log::end_offset(log, "entrepot.progress", 0).unwrap();
    let before = end(&mut log);
    let until = Instant::now() + Duration::from_secs(120);
    while end(&mut log) <= before {
        let fed = || fs::read_to_string(place.house.path("feed.log")).unwrap();
        assert!(Instant::now() < until, "no commit within two minutes\n{}\nfeed:\n{}", place.said(), fed());
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn an_end_whose_answer_is_lost_is_neither_lost_nor_done_twice() {
    let place = Place::new("answers", 60);
    for _ in 0..8 {
        goes_on(&place);
        place.proxy.hurt(|faults| faults.lose_answers = 1);
        wait_until("an answer is lost", || place.proxy.faults().lose_answers == 0);
    }
    assert_eq!(place.proxy.faults().struck.0, 8);
    place.finish();
}

#[test]
fn an_end_that_comes_late_is_never_taken_for_the_next_one() {
    let place = Place::new("late", 40);
    // Within the patience of a commit; then beyond it, so that another producer has begun when it comes.
    for late in [2_500, 2_500, 12_000] {
        goes_on(&place);
        place.proxy.hurt(|faults| faults.hold = (1, Duration::from_millis(late)));
        wait_until("an end is late", || place.proxy.faults().hold.0 == 0);
        std::thread::sleep(Duration::from_millis(late));
    }
    let said = place.finish();
    assert!(said.contains("a commit was slow") || said.contains("transaction recycled"), "nobody noticed: {said}");
}

#[test]
fn a_line_that_is_slow_costs_no_partition() {
    let place = Place::new("slow", 30);
    goes_on(&place);
    place.proxy.hurt(|faults| faults.delay = Duration::from_millis(250));
    std::thread::sleep(Duration::from_secs(15));
    // The tester's own client is not made for such a line.
    place.proxy.hurt(|faults| faults.delay = Duration::ZERO);
    let said = place.finish();
    let lost = said.lines().filter(|line| line.contains("\"lost\":true")).count();
    assert_eq!(lost, 0, "{said}");
}

#[test]
fn a_line_that_is_silent_or_cut_holds_it_up_and_no_more() {
    let place = Place::new("silent", 30);
    for silent in [3, 12] {
        goes_on(&place);
        let began = Instant::now();
        place.proxy.hurt(|faults| faults.is_silent = true);
        std::thread::sleep(Duration::from_secs(silent));
        place.proxy.hurt(|faults| faults.is_silent = false);
        place.proxy.cut();
        goes_on(&place);
        assert!(began.elapsed() < Duration::from_secs(silent + 60), "{:?}", began.elapsed());
    }
    for _ in 0..5 {
        place.proxy.cut();
        goes_on(&place);
    }
    place.finish();
}
