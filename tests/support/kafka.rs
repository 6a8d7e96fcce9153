//! A real Apache Kafka for a test, by `scripts/kafka`: started, hurt and ended. Never skipped: without Java or Maven the test fails.

#![allow(dead_code, unreachable_pub, reason = "several tests share it, and none uses all of it")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use entrepot::stream::kafka::{KafkaLog, KafkaSettings};

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/kafka");

/// How many nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Brokers {
    /// Every topic has one copy.
    One,
    /// Three copies of every topic, two of which must be in step.
    Three,
}

/// Who may connect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Secure {
    /// Anybody, in plain text.
    No,
    /// SCRAM-SHA-512 over TLS; only `admin` may do anything until it gives rights away.
    Yes,
}

/// A cluster of this test's own. Its nodes are numbered from 1.
#[derive(Debug)]
pub struct Broker {
    name: String,
    bootstrap: String,
    folder: PathBuf,
    replicas: i32,
}

impl Broker {
    /// Starts a cluster and waits until it is ready. The name need only be unique within the test's process.
    #[track_caller]
    pub fn start(name: &str, brokers: Brokers, secure: Secure) -> Broker {
        Broker::start_with((name, brokers, secure), &[])
    }

    /// The same with more options of `scripts/kafka up`, such as `--set KEY=VALUE` and `--bench`.
    #[track_caller]
    pub fn start_with((name, brokers, secure): (&str, Brokers, Secure), options: &[&str]) -> Broker {
        let owner = std::process::id().to_string();
        let name = format!("{name}-{owner}");
        let count = if brokers == Brokers::Three { "3" } else { "1" };
        let mut arguments = vec!["up", &name, "--owner", &owner, "--brokers", count];
        arguments.extend((secure == Secure::Yes).then_some("--secure"));
        arguments.extend(options);
        let facts: serde_json::Value = serde_json::from_str(&script(&arguments)).expect("`up` prints JSON");
        let text = |key: &str| facts[key].as_str().expect("`up` prints the facts").to_owned();
        let replicas = if brokers == Brokers::Three { 3 } else { 1 };
        Broker { bootstrap: text("bootstrap"), folder: text("dir").into(), name, replicas }
    }

    /// A handle on the log it keeps, with these properties of librdkafka.
    pub fn log(&self, properties: &[(&str, &str)]) -> KafkaLog {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        KafkaLog::connect(KafkaSettings {
            bootstrap_servers: self.bootstrap.clone(),
            properties: properties.iter().map(owned).collect::<BTreeMap<_, _>>(),
            prefix: "entrepot.".to_owned(),
            instance: "test".to_owned(),
            replication_factor: self.replicas,
            payload_bytes_max: 1_000_000,
            interval: Duration::from_millis(100),
        })
        .unwrap()
    }

    /// What an independent client says of the log, in which so many raw messages were excluded; it must find nothing wrong.
    #[track_caller]
    pub fn audit(&self, raw: &[&str], excluded: u64) -> String {
        let mut command = Command::new(concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/python"));
        command.args([concat!(env!("CARGO_MANIFEST_DIR"), "/tests/kafka/audit.py"), "--bootstrap", &self.bootstrap]);
        let output = command.args(["audit", "--excluded", &excluded.to_string(), "--raw"]).args(raw).output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        assert!(output.status.success(), "{}{}", text(&output.stdout), text(&output.stderr));
        text(&output.stdout)
    }

    /// `bootstrap.servers`: HOST:PORT of every node, between commas.
    pub fn bootstrap(&self) -> &str {
        &self.bootstrap
    }

    /// Where a secure cluster's files are.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// What a client of a secure cluster trusts.
    pub fn authority(&self) -> PathBuf {
        self.folder.join("ca.pem")
    }

    /// The password of `admin` or `entrepot`, in a file that only its owner reads.
    pub fn password_file(&self, user: &str) -> PathBuf {
        self.folder.join(format!("{user}.password"))
    }

    /// SIGKILL; returns when the node is gone.
    #[track_caller]
    pub fn kill(&self, node: u32) {
        self.signal("kill", node);
    }

    /// SIGTERM; returns when the node has handed over and is gone.
    #[track_caller]
    pub fn term(&self, node: u32) {
        self.signal("term", node);
    }

    /// Starts a node that is gone, on its data; returns when it is ready.
    #[track_caller]
    pub fn restart(&self, node: u32) {
        self.signal("start", node);
    }

    /// SIGSTOP.
    #[track_caller]
    pub fn stop(&self, node: u32) {
        self.signal("stop", node);
    }

    /// SIGCONT.
    #[track_caller]
    pub fn cont(&self, node: u32) {
        self.signal("cont", node);
    }

    /// What a tool of Kafka's prints, such as `TopicCommand --list`; as `admin` on a secure cluster. It must go well.
    #[track_caller]
    pub fn run(&self, class: &str, arguments: &[&str]) -> String {
        script(&[&["run", &self.name, class], arguments].concat())
    }

    #[track_caller]
    fn signal(&self, what: &str, node: u32) {
        script(&[what, &self.name, &node.to_string()]);
    }
}

impl Drop for Broker {
    /// A test that fails leaves nothing running.
    fn drop(&mut self) {
        drop(Command::new(SCRIPT).args(["down", &self.name]).stdin(Stdio::null()).status());
    }
}

/// What the script prints. It must go well; where it does not, it says why, or what to install.
#[track_caller]
fn script(arguments: &[&str]) -> String {
    let output = Command::new(SCRIPT).args(arguments).stdin(Stdio::null()).output().expect("scripts/kafka runs under bash");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "scripts/kafka {}: {said}", arguments.join(" "));
    String::from_utf8(output.stdout).expect("what it prints is text")
}

/// A line for `scripts/reliability`, which puts it into `docs/reliability.md`: what this test has measured.
pub fn figure(words: &str) {
    eprintln!("figure: {} | {words}", std::thread::current().name().expect("a test runs on a thread that bears its name"));
}

/// Asks until it holds; a test that waits for more than two minutes has failed.
#[track_caller]
pub fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let until = Instant::now() + Duration::from_secs(120);
    while !holds() {
        assert!(Instant::now() < until, "{what}: not within two minutes");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Seconds of processor time that a process has had.
pub fn processor_seconds(child: &Child) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", child.id())).unwrap();
    let after: Vec<&str> = stat.rsplit_once(") ").unwrap().1.split(' ').collect();
    // Fields 14 and 15 in clock ticks, a hundredth of a second each (proc(5)).
    after[11..13].iter().map(|field| field.parse::<f64>().unwrap()).sum::<f64>() / 100.0
}

/// The exit code of a process that ends by itself.
#[track_caller]
pub fn ended(what: &str, child: &mut Child) -> Option<i32> {
    let mut status = None;
    wait_until(what, || {
        status = child.try_wait().unwrap();
        status.is_some()
    });
    status.unwrap().code()
}
