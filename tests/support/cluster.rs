//! Three services and a feed on a cluster of three brokers, to be struck: killed, stopped, ended, begun again; and what they leave, beside
//! an embedded log that nothing disturbed.

#![allow(dead_code, unreachable_pub, reason = "several tests share it, and none uses all of it")]

use std::fs::{self, OpenOptions};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use entrepot::stream::kafka::KafkaLog;
use entrepot::stream::{Home, write_ticks};

use super::house::{Chance, House, MOVEMENTS, VERDICTS, by_key, without_offset};
use super::kafka::{Broker, Brokers, Secure, ended};

pub const NAMES: [&str; 3] = ["entrepot-0", "entrepot-1", "entrepot-2"];
/// The day after the last record.
pub const CLOSING: &str = "2026-01-01";

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// SIGKILL of a service, which begins again under its name.
    KillService,
    /// SIGKILL of a broker; the two others go on.
    KillBroker,
    /// SIGSTOP of a service, within its session but perhaps for longer than its transaction may take.
    StopService,
    /// SIGKILL of the feed, which resumes.
    KillFeed,
    /// SIGTERM: it drains, leaves, and another takes its name later.
    EndService,
}

/// Who is at work.
pub struct Place {
    pub house: House,
    pub broker: Broker,
    set: Vec<String>,
    pub services: Vec<Child>,
    feed: Child,
    /// Messages a second that are fed.
    rate: u32,
    /// How many services are to be at work.
    started: usize,
    /// Those that are not to come back.
    gone: Vec<usize>,
}

impl Place {
    /// Topics, three services and a feed of `world.ndjson` at this rate.
    pub fn new(house: House, name: &str, rate: u32) -> Place {
        let mut place = Place::idle(house, name, &[]);
        (0..NAMES.len()).for_each(|index| place.start(index));
        place.begin_to_feed(rate);
        place
    }

    /// Topics alone, and what else is set.
    pub fn idle(house: House, name: &str, more: &[&str]) -> Place {
        Place::on(Brokers::Three, (house, name), more)
    }

    /// The same on so many brokers.
    pub fn on(brokers: Brokers, (house, name): (House, &str), more: &[&str]) -> Place {
        let broker = Broker::start(name, brokers, Secure::No);
        let servers = format!("log.kafka.bootstrap_servers={}", broker.bootstrap());
        let copies = format!("topics.replication_factor={}", if brokers == Brokers::Three { 3 } else { 1 });
        let set = ["log.kind=kafka", &copies, "snapshots.url=snapshots", "transactions.records_max=50", &servers];
        let set = set.iter().chain(more);
        let idle = || Command::new("true").spawn().unwrap();
        let (set, services) = (set.map(|set| (*set).to_owned()).collect(), vec![idle(), idle(), idle()]);
        let place = Place { house, broker, set, services, feed: idle(), rate: 0, started: 0, gone: Vec::new() };
        let create = place.arguments(&["-q", "topics", "create"]);
        place.house.done(&create.iter().map(String::as_str).collect::<Vec<_>>());
        place
    }

    /// Starts a service.
    pub fn start(&mut self, index: usize) {
        self.services[index] = self.serve(NAMES[index]);
        self.started = self.started.max(index + 1);
    }

    /// Kills a service for good.
    pub fn bury(&mut self, index: usize) {
        self.services[index].kill().unwrap();
        self.services[index].wait().unwrap();
        self.gone.push(index);
    }

    /// Feeds at this rate from now on.
    pub fn begin_to_feed(&mut self, rate: u32) {
        self.rate = rate;
        self.feed = self.feed();
    }

    /// Feeds all there is.
    #[track_caller]
    pub fn feed_all(&mut self) {
        drop(self.feed.kill());
        self.feed.wait().unwrap();
        self.feed = self.spawn("feed", &["-q", "feed", "world.ndjson", "--feed", "world"]);
        assert_eq!(ended("the feed", &mut self.feed), Some(0), "{}", self.said("feed"));
    }

    pub fn arguments(&self, more: &[&str]) -> Vec<String> {
        let set = self.set.iter().flat_map(|set| ["--set".to_owned(), set.clone()]);
        set.chain(more.iter().map(|argument| (*argument).to_owned())).collect()
    }

    pub fn spawn(&self, name: &str, arguments: &[&str]) -> Child {
        let arguments = self.arguments(arguments);
        let mut command = self.house.command(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
        let said = OpenOptions::new().append(true).create(true).open(self.house.path(&format!("{name}.log"))).unwrap();
        command.stdout(Stdio::null()).stderr(said).spawn().unwrap()
    }

    pub fn serve(&self, name: &str) -> Child {
        let instance = format!("service.instance={name}");
        self.spawn(name, &["--set", &instance, "--log", "json", "run"])
    }

    pub fn feed(&self) -> Child {
        self.spawn("feed", &["-q", "feed", "world.ndjson", "--feed", "world", "--rate", &self.rate.to_string()])
    }

    /// All that a service has said.
    pub fn log_of(&self, name: &str) -> String {
        fs::read_to_string(self.house.path(&format!("{name}.log"))).unwrap()
    }

    pub fn said(&self, name: &str) -> String {
        let said = self.log_of(name);
        said.lines().rev().take(40).collect::<Vec<_>>().into_iter().rev().collect::<Vec<_>>().join("\n")
    }

    /// A service that ended by itself may have been told to be started again (75), or found no broker (69); nothing else.
    pub fn revive(&mut self) {
        for (index, name) in NAMES.iter().enumerate().take(self.started) {
            if self.gone.contains(&index) {
                continue;
            }
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

    pub fn strike(&mut self, fault: Fault, chance: &mut Chance) {
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

    /// Peace: what is left is fed at once and done, and the clock moves to the end.
    pub fn finish(&mut self) -> KafkaLog {
        drop(self.feed.kill());
        self.feed.wait().unwrap();
        let rest = ["-q", "feed", "world.ndjson", "--feed", "world"];
        self.feed = self.spawn("feed", &rest);
        let mut log = self.broker.log(&[]);
        let fed = Instant::now();
        while ended("the feed", &mut self.feed) != Some(0) {
            assert!(fed.elapsed() < Duration::from_secs(300), "{}", self.said("feed"));
            self.feed = self.spawn("feed", &rest);
        }
        self.catch_up(&mut log);
        write_ticks(&mut log, MOVEMENTS, CLOSING.parse().unwrap()).unwrap();
        self.catch_up(&mut log);
        log
    }

    /// Waits until both stages have committed all there is; a quarter of an hour without an end is a failure.
    #[track_caller]
    pub fn catch_up(&mut self, log: &mut KafkaLog) {
        let began = Instant::now();
        loop {
            match self.lag(log) {
                0 => return,
                lag => assert!(began.elapsed() < Duration::from_secs(900), "{lag} messages are left"),
            }
            std::thread::sleep(Duration::from_millis(200));
        }
    }

    /// Messages that a stage has not committed. Brokers that have just come back may be slow to answer.
    pub fn lag(&mut self, log: &mut KafkaLog) -> u64 {
        self.revive();
        let raw = log.lag("entrepot.ingest", &["world".to_owned()]);
        let told = raw.and_then(|raw| Ok(raw + log.lag("entrepot.assess", &[MOVEMENTS.to_owned()])?));
        told.unwrap_or(u64::MAX)
    }

    /// Ends with the same keys and values as the embedded log; an independent client finds nothing wrong.
    #[track_caller]
    pub fn check(&self, log: &mut KafkaLog) {
        let mut embedded = self.house.log();
        for topic in VERDICTS {
            let (wanted, found) = (by_key(&mut embedded, topic), by_key(log, topic));
            assert!(topic == "entrepot.alerts" || !wanted.is_empty());
            assert_eq!(found.keys().collect::<Vec<_>>(), wanted.keys().collect::<Vec<_>>(), "keys of {topic}");
            for (key, values) in &wanted {
                assert_eq!(told(&found[key]), told(values), "{topic}");
            }
        }
        eprintln!("{}", self.broker.audit(&["world"], 0));
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

pub fn signal(child: &Child, name: &str) {
    assert!(Command::new("kill").args([format!("-{name}"), child.id().to_string()]).status().unwrap().success());
}

/// All that was said under a key, but for the offsets of raw messages, since Kafka counts marks of transactions too. Sorted: an amendment
/// may move a record to another family, and partitions do not wait for each other.
fn told(values: &[Vec<u8>]) -> Vec<String> {
    let mut told: Vec<String> = values.iter().map(|value| without_offset(value)).collect();
    told.sort();
    told
}

/// A world fed and served on an embedded log that nothing disturbs; and the same rows, to be fed to a cluster. They come so many times: after
/// the first all is known.
pub fn calm(records: usize, times: usize) -> House {
    let house = House::new(&[("world", "canonical")]);
    let simulate = ["-q", "simulate", "--seed", "5", "--out", "simulated", "--from", "2023-01", "--until", "2025-06"];
    house.done(&[&simulate[..], &["--records", &records.to_string(), "--scheme", "relabel"]].concat());
    let text = fs::read_to_string(house.path("simulated/records.ndjson")).unwrap();
    let rows = text.lines().enumerate().map(|(index, line)| match index % 20 {
        0 => format!("{line}\nbad row {index}\n"),
        _ => format!("{line}\n"),
    });
    house.write("world.ndjson", rows.collect::<String>().repeat(times).as_bytes());
    house.feed(&house.path("world.ndjson"), "world");
    house.serve_to_the_end((&[], &[]), CLOSING);
    house
}
