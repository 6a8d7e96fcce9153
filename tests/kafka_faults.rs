//! Three services on three brokers, hurt for many minutes: killed, stopped like a machine that hangs, brokers killed under them, members
//! that come and go, the feed killed as well. What stands there afterwards is what an undisturbed embedded log holds, key by key, and an
//! independent client counts every input once. `make test-faults` runs it; it is too long for `make test`.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that finds something else than it expects stops there")]
#![allow(clippy::disallowed_methods, reason = "a test that waits gives up by the machine's time")]

#[path = "support/house.rs"]
mod house;
#[path = "support/kafka.rs"]
mod kafka;

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use entrepot::stream::kafka::KafkaLog;
use entrepot::stream::{Home, write_ticks};
use house::{Chance, House, MOVEMENTS, VERDICTS, by_key, without_offset};
use kafka::{Broker, Brokers, Secure, ended, wait_until};

const RECORDS: usize = 12_000;
const CLOSING: &str = "2026-01-01";
const NAMES: [&str; 3] = ["entrepot-0", "entrepot-1", "entrepot-2"];
/// How often each fault has to strike.
const WANTED: [(Fault, u32); 5] =
    [(Fault::KillService, 100), (Fault::KillBroker, 20), (Fault::StopService, 8), (Fault::KillFeed, 10), (Fault::EndService, 10)];

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Fault {
    /// SIGKILL of a service, which begins again under its name.
    KillService,
    /// SIGKILL of a broker; the two others go on.
    KillBroker,
    /// SIGSTOP of a service for longer than its session: when it goes on it is a zombie.
    StopService,
    /// SIGKILL of the feed, which resumes.
    KillFeed,
    /// SIGTERM: it drains, leaves, and another takes its name later.
    EndService,
}

struct Place {
    house: House,
    broker: Broker,
    set: Vec<String>,
    services: Vec<Child>,
    feed: Child,
}

impl Place {
    fn arguments(&self, more: &[&str]) -> Vec<String> {
        let set = self.set.iter().flat_map(|set| ["--set".to_owned(), set.clone()]);
        set.chain(more.iter().map(|argument| (*argument).to_owned())).collect()
    }

    fn spawn(&self, name: &str, arguments: &[&str]) -> Child {
        let arguments = self.arguments(arguments);
        let mut command = self.house.command(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
        let said = OpenOptions::new().append(true).create(true).open(self.house.path(&format!("{name}.log"))).unwrap();
        command.stdout(Stdio::null()).stderr(said).spawn().unwrap()
    }

    fn serve(&self, name: &str) -> Child {
        let instance = format!("service.instance={name}");
        self.spawn(name, &["--set", &instance, "--log", "json", "run"])
    }

    fn feed(&self) -> Child {
        self.spawn("feed", &["-q", "feed", "world.ndjson", "--feed", "world", "--rate", "12"])
    }

    fn said(&self, name: &str) -> String {
        let said = fs::read_to_string(self.house.path(&format!("{name}.log"))).unwrap();
        said.lines().rev().take(40).collect::<Vec<_>>().into_iter().rev().collect::<Vec<_>>().join("\n")
    }

    /// A service that ended by itself may have been told to be started again (75), or found no broker (69); nothing else.
    fn revive(&mut self) {
        for (index, name) in NAMES.iter().enumerate() {
            if let Some(status) = self.services[index].try_wait().unwrap() {
                assert!(matches!(status.code(), None | Some(69 | 75)), "{name} ended with {status}: {}", self.said(name));
                self.services[index] = self.serve(name);
            }
        }
        if let Some(status) = self.feed.try_wait().unwrap() {
            assert!(matches!(status.code(), None | Some(0 | 69 | 75)), "feed ended with {status}: {}", self.said("feed"));
            if status.code() != Some(0) {
                self.feed = self.feed();
            }
        }
    }

    fn strike(&mut self, fault: Fault, chance: &mut Chance) {
        let at = chance.below(3) as usize;
        match fault {
            Fault::KillService => {
                self.services[at].kill().unwrap();
                self.services[at].wait().unwrap();
                self.services[at] = self.serve(NAMES[at]);
            }
            Fault::KillBroker => {
                let node = 1 + chance.below(3) as u32;
                self.broker.kill(node);
                std::thread::sleep(Duration::from_millis(chance.below(6_000)));
                self.broker.restart(node);
            }
            Fault::StopService => {
                signal(&self.services[at], "STOP");
                std::thread::sleep(Duration::from_secs(5 + chance.below(12)));
                signal(&self.services[at], "CONT");
            }
            Fault::KillFeed => {
                drop(self.feed.kill());
                self.feed.wait().unwrap();
                self.feed = self.feed();
            }
            Fault::EndService => {
                signal(&self.services[at], "TERM");
                let began = Instant::now();
                let code = ended(NAMES[at], &mut self.services[at]);
                assert!(matches!(code, Some(0 | 75)), "{code:?}: {}", self.said(NAMES[at]));
                assert!(began.elapsed() < Duration::from_secs(25), "{:?}", began.elapsed());
                std::thread::sleep(Duration::from_millis(chance.below(3_000)));
                self.services[at] = self.serve(NAMES[at]);
            }
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        for child in self.services.iter_mut().chain([&mut self.feed]) {
            drop(child.kill());
            drop(child.wait());
        }
    }
}

fn signal(child: &Child, name: &str) {
    assert!(Command::new("kill").args([format!("-{name}"), child.id().to_string()]).status().unwrap().success());
}

/// All that was said under a key, but for the offsets of raw messages, since Kafka counts marks of transactions too. Sorted: an amendment
/// may move a record to another family, and partitions do not wait for each other.
fn told(values: &[Vec<u8>]) -> Vec<String> {
    let mut told: Vec<String> = values.iter().map(|value| without_offset(value)).collect();
    told.sort();
    told
}

/// A world fed and served on an embedded log that nothing disturbs; and the same rows, to be fed to a cluster.
fn calm() -> House {
    let house = House::new(&[("world", "canonical")]);
    let simulate = ["-q", "simulate", "--seed", "5", "--out", "simulated", "--from", "2023-01", "--until", "2025-06"];
    house.done(&[&simulate[..], &["--records", &RECORDS.to_string(), "--scheme", "relabel"]].concat());
    let text = fs::read_to_string(house.path("simulated/records.ndjson")).unwrap();
    let rows = text.lines().enumerate().map(|(index, line)| match index % 20 {
        0 => format!("{line}\nbad row {index}\n"),
        _ => format!("{line}\n"),
    });
    house.write("world.ndjson", rows.collect::<String>().as_bytes());
    house.feed(&house.path("world.ndjson"), "world");
    house.serve_to_the_end((&[], &[]), CLOSING);
    house
}

#[test]
fn nothing_is_lost_doubled_or_torn_whatever_strikes() {
    let house = calm();
    let broker = Broker::start("faults", Brokers::Three, Secure::No);
    let servers = format!("log.kafka.bootstrap_servers={}", broker.bootstrap());
    let set =
        ["log.kind=kafka", "topics.replication_factor=3", "snapshots.url=snapshots", "transactions.records_max=50", &servers];
    let idle = || Command::new("true").spawn().unwrap();
    let mut place =
        Place { house, broker, set: set.map(str::to_owned).to_vec(), services: vec![idle(), idle(), idle()], feed: idle() };
    let create = place.arguments(&["-q", "topics", "create"]);
    place.house.done(&create.iter().map(String::as_str).collect::<Vec<_>>());
    place.services = NAMES.iter().map(|name| place.serve(name)).collect();
    place.feed = place.feed();

    let (mut chance, mut left) = (Chance(9), BTreeMap::from(WANTED));
    let began = Instant::now();
    while left.values().any(|count| *count > 0) {
        std::thread::sleep(Duration::from_millis(500 + chance.below(3_500)));
        place.revive();
        // By how many are left of each, so that the kinds stay mixed to the end.
        let waiting: Vec<Fault> = left.iter().flat_map(|(fault, count)| vec![*fault; *count as usize]).collect();
        let fault = waiting[chance.below(waiting.len() as u64) as usize];
        place.strike(fault, &mut chance);
        *left.get_mut(&fault).unwrap() -= 1;
    }
    eprintln!("all faults within {:?}", began.elapsed());

    // Peace: what is left is fed at once, and done.
    drop(place.feed.kill());
    place.feed.wait().unwrap();
    place.feed = place.spawn("feed", &["-q", "feed", "world.ndjson", "--feed", "world"]);
    let mut log = place.broker.log(&[]);
    let fed = Instant::now();
    while ended("the feed", &mut place.feed) != Some(0) {
        assert!(fed.elapsed() < Duration::from_secs(300), "{}", place.said("feed"));
        place.feed = place.spawn("feed", &["-q", "feed", "world.ndjson", "--feed", "world"]);
    }
    let mut lag = |log: &mut KafkaLog| {
        place.revive();
        let raw = log.lag("entrepot.ingest", &["world".to_owned()]);
        let told = raw.and_then(|raw| Ok(raw + log.lag("entrepot.assess", &[MOVEMENTS.to_owned()])?));
        // Brokers that have just come back may be slow to answer.
        told.unwrap_or(u64::MAX)
    };
    wait_until("both stages catching up", || lag(&mut log) == 0);
    write_ticks(&mut log, MOVEMENTS, CLOSING.parse().unwrap()).unwrap();
    wait_until("the closing tick", || lag(&mut log) == 0);

    compare(&place.house, &mut log);
    eprintln!("{}", place.broker.audit("world"));
}

/// The same keys and values on both logs.
fn compare(calm: &House, log: &mut KafkaLog) {
    let mut embedded = calm.log();
    for topic in VERDICTS {
        let (wanted, found) = (by_key(&mut embedded, topic), by_key(log, topic));
        assert!(topic == "entrepot.alerts" || !wanted.is_empty());
        assert_eq!(found.keys().collect::<Vec<_>>(), wanted.keys().collect::<Vec<_>>(), "keys of {topic}");
        for (key, values) in &wanted {
            assert_eq!(told(&found[key]), told(values), "{topic}");
        }
    }
}
