//! The real binary in a folder of its own: fed, run until both stages have caught up, ended or killed, and its log read afterwards.

#![allow(dead_code, unreachable_pub, reason = "several tests share it, and none uses all of it")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use entrepot::domain::Message;
use entrepot::stream::embedded::EmbeddedLog;
use entrepot::stream::{Log, NextOffsets, Range, write_ticks};

pub const MOVEMENTS: &str = "entrepot.movements";
pub const VERDICTS: [&str; 3] = ["entrepot.alerts", "entrepot.assessments", "entrepot.corridors"];
pub const DEAD_LETTERS: &str = "entrepot.dead-letters";

/// splitmix64: the same moments, counted in records, for the same seed.
pub struct Chance(pub u64);

impl Chance {
    pub fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % limit
    }
}

/// A folder with a configuration and a log.
pub struct House {
    folder: tempfile::TempDir,
    feeds: Vec<String>,
}

/// A service at work.
pub struct Service {
    pub child: Child,
    errors: PathBuf,
}

impl House {
    /// With these feeds, as name and mapping. No feed pauses: some are made of bad rows.
    pub fn new(feeds: &[(&str, &str)]) -> House {
        let house =
            House { folder: tempfile::tempdir().unwrap(), feeds: feeds.iter().map(|(name, _)| (*name).to_owned()).collect() };
        let mut config = "[service]\nhttp_listen = \"127.0.0.1:0\"\n[log.embedded]\npath = \"log.db\"\n".to_owned();
        config += "[snapshots]\nevery_records = 50\n[ingest]\ndead_letter_ratio_max = 1.0\ndead_letter_run_max = 0\n";
        for (name, mapping) in feeds {
            config += &format!("[[feeds]]\nname = \"{name}\"\nmapping = \"{mapping}\"\n");
        }
        house.write("entrepot.toml", config.as_bytes());
        house
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        std::fs::write(self.path(name), bytes).unwrap();
        self.path(name)
    }

    /// The same configuration and log once more, in another folder. Nothing may be running here.
    pub fn copy(&self) -> House {
        let copy = House { folder: tempfile::tempdir().unwrap(), feeds: self.feeds.clone() };
        for entry in std::fs::read_dir(self.folder.path()).unwrap().map(Result::unwrap) {
            if entry.file_type().unwrap().is_file() {
                std::fs::copy(entry.path(), copy.folder.path().join(entry.file_name())).unwrap();
            }
        }
        copy
    }

    /// The binary inside the folder, without any environment of the tester's.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_entrepot"));
        command.args(arguments).current_dir(self.folder.path()).env_clear().stdin(Stdio::null());
        command
    }

    /// Exit code, stdout and stderr.
    pub fn run(&self, arguments: &[&str]) -> (i32, String, String) {
        let output = self.command(arguments).output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        (output.status.code().expect("it ended by itself"), text(output.stdout), text(output.stderr))
    }

    /// What it printed; it must have gone well.
    #[track_caller]
    pub fn done(&self, arguments: &[&str]) -> String {
        let (code, stdout, stderr) = self.run(arguments);
        assert_eq!(code, 0, "{arguments:?}: {stderr}");
        stdout
    }

    /// Looks at a page of this folder in a real browser; pictures of it are left beside it. Stops where anything is wrong with it.
    #[track_caller]
    pub fn look_at(&self, page: &str) {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let installed = Command::new(root.join("scripts/install")).arg("chromium").status().unwrap();
        assert!(installed.success(), "no Chromium");
        let mut look = Command::new(root.join("scripts/python"));
        let output = look.arg(root.join("tests/page/look.py")).arg(self.path(page)).arg(self.path("")).output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success() && said == "nothing is wrong\n", "{said}{}", String::from_utf8_lossy(&output.stderr));
    }

    pub fn feed(&self, file: &Path, feed: &str) {
        self.done(&["-q", "feed", file.to_str().unwrap(), "--feed", feed]);
    }

    /// Starts the service; its log on stderr goes to a file.
    pub fn serve(&self, (set, environment): (&[&str], &[(&str, &str)])) -> Service {
        let arguments: Vec<&str> = set.iter().flat_map(|set| ["--set", set]).chain(["--log", "json", "run"]).collect();
        let errors = self.path("run.log");
        let mut command = self.command(&arguments);
        command.envs(environment.iter().copied()).stdout(Stdio::null()).stderr(File::create(&errors).unwrap());
        Service { child: command.spawn().unwrap(), errors }
    }

    pub fn log(&self) -> EmbeddedLog {
        EmbeddedLog::open(&self.path("log.db")).unwrap()
    }

    /// Messages that neither stage has committed yet: raw ones, then movements.
    pub fn lag(&self, log: &EmbeddedLog) -> (u64, u64) {
        let raw = log.lag("entrepot.ingest", &self.feeds).unwrap();
        (raw, log.lag("entrepot.assess", &[MOVEMENTS.to_owned()]).unwrap())
    }

    /// Waits until both stages have committed all there is.
    #[track_caller]
    pub fn catch_up(&self, service: &mut Service, log: &mut EmbeddedLog) {
        while self.lag(log) != (0, 0) {
            assert!(service.is_alive(), "the service ended before it caught up: {}", service.errors());
            pause(log);
        }
    }

    /// Runs the service until it has caught up, ticks that date, and ends it as `kill` does. Gives the page of its metrics.
    #[track_caller]
    pub fn serve_to_the_end(&self, (set, environment): (&[&str], &[(&str, &str)]), closing: &str) -> String {
        let stands = |log: &EmbeddedLog| position(&log.positions("entrepot.assess").unwrap(), MOVEMENTS);
        let before = EmbeddedLog::open(&self.path("log.db")).map_or(0, |log| stands(&log));
        let mut service = self.serve((set, environment));
        let mut log = loop {
            // The topics are there once it has begun.
            if let Ok(mut log) = EmbeddedLog::open(&self.path("log.db"))
                && log.topics().unwrap().iter().any(|topic| topic.name == MOVEMENTS)
            {
                break log;
            }
            assert!(service.is_alive(), "{}", service.errors());
        };
        self.catch_up(&mut service, &mut log);
        write_ticks(&mut log, MOVEMENTS, closing.parse().unwrap()).unwrap();
        self.catch_up(&mut service, &mut log);
        // What is committed stands in the log first and in the metrics right after.
        let consumed = stands(&log) - before;
        loop {
            let page = service.get("/metrics");
            if metric(&page, "entrepot_records_consumed_total", &["stage=\"assess\""]) >= consumed {
                service.end();
                return page;
            }
            assert!(service.is_alive(), "{}", service.errors());
            pause(&mut log);
        }
    }
}

/// Lets the service work: waits for a message that never comes.
pub fn pause(log: &mut EmbeddedLog) {
    log.poll(Duration::from_millis(5)).unwrap();
}

impl Service {
    pub fn is_alive(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    pub fn errors(&self) -> String {
        std::fs::read_to_string(&self.errors).unwrap()
    }

    /// A page of its HTTP server, which must be there.
    #[track_caller]
    pub fn get(&mut self, path: &str) -> String {
        let page = self.page(path);
        assert!(page.starts_with("HTTP/1.1 200"), "{page}");
        page
    }

    /// Whether a page is answered with 200.
    pub fn answers(&mut self, path: &str) -> bool {
        self.page(path).starts_with("HTTP/1.1 200")
    }

    fn page(&mut self, path: &str) -> String {
        let address = loop {
            let found = self.errors().split_once("\"address\":\"").map(|(_, rest)| rest.split('"').next().unwrap().to_owned());
            if let Some(address) = found {
                break address;
            }
            assert!(self.is_alive(), "{}", self.errors());
        };
        let mut stream = TcpStream::connect(address).unwrap();
        stream.write_all(format!("GET {path} HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n").as_bytes()).unwrap();
        let mut page = String::new();
        stream.read_to_string(&mut page).unwrap();
        page
    }

    /// SIGTERM: it drains and exits 0.
    #[track_caller]
    pub fn end(mut self) {
        assert!(Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status().unwrap().success());
        assert_eq!(self.child.wait().unwrap().code(), Some(0), "{}", self.errors());
    }
}

impl Drop for Service {
    /// A test that fails leaves nothing running.
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Every message of a topic, partition by partition.
pub fn messages(log: &mut dyn Log, topic: &str) -> Vec<Message> {
    let described = log.topics().unwrap().into_iter().find(|described| described.name == topic).unwrap();
    let mut messages = Vec::new();
    for partition in 0..described.partitions {
        let range = Range { topic: topic.to_owned(), partition, from: 0, until: None };
        messages.extend(log.range(&range).unwrap().map(Result::unwrap));
    }
    messages
}

/// A message's header as text.
pub fn header(message: &Message, name: &str) -> String {
    message.header(name).unwrap_or_else(|| panic!("{} has no {name}", message.position)).to_owned()
}

/// The values of each key, in order.
pub fn by_key(log: &mut dyn Log, topic: &str) -> BTreeMap<Vec<u8>, Vec<Vec<u8>>> {
    let mut keyed: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for message in messages(log, topic) {
        keyed.entry(message.key.unwrap_or_default()).or_default().push(message.value.unwrap_or_default());
    }
    keyed
}

/// A verdict without the offset of its raw message: Kafka counts marks of transactions too.
pub fn without_offset(value: &[u8]) -> String {
    let value = String::from_utf8(value.to_vec()).unwrap();
    let Some((before, after)) = value.split_once("\"source\":\"") else { return value };
    let (source, after) = after.split_once('"').unwrap();
    let (topic, _) = source.rsplit_once('/').unwrap();
    format!("{before}\"source\":\"{topic}/\"{after}")
}

/// The sum of a metric over the lines that have all of these labels.
pub fn metric(page: &str, name: &str, labels: &[&str]) -> u64 {
    let is_it = |line: &&str| line.starts_with(&format!("{name}{{")) && labels.iter().all(|label| line.contains(label));
    page.lines().filter(is_it).map(|line| line.rsplit(' ').next().unwrap().parse::<f64>().unwrap() as u64).sum()
}

/// Holds both balances, by the counters and by counting in the log: each raw message yielded movements, or a dead letter, or was
/// excluded; no position twice. Gives the counts of ingest: accepted, excluded, dead letters.
#[track_caller]
pub fn check_books(page: &str, log: &mut EmbeddedLog, raw: &[&str]) -> (u64, u64, u64) {
    let ingest = |outcome: &str| {
        let label = format!("outcome=\"{outcome}\"");
        metric(page, "entrepot_records_processed_total", &["stage=\"ingest\"", &label])
    };
    let assess = |outcome: &str| {
        let label = format!("outcome=\"{outcome}\"");
        metric(page, "entrepot_records_processed_total", &["stage=\"assess\"", &label])
    };
    let consumed = metric(page, "entrepot_records_consumed_total", &["stage=\"ingest\""]);
    let counted = (ingest("accepted"), ingest("excluded"), ingest("dead_letter"));
    assert_eq!(consumed, counted.0 + counted.1 + counted.2, "ingest: {counted:?}");
    let outcomes = ["assessed", "context", "duplicate", "superseded", "cancelled", "tick"];
    let movements = messages(log, MOVEMENTS);
    let sum: u64 = outcomes.iter().map(|outcome| assess(outcome)).sum();
    assert_eq!(metric(page, "entrepot_records_consumed_total", &["stage=\"assess\""]), sum);
    assert_eq!(movements.len() as u64, sum, "movements in the log and their outcomes");
    let ticks = movements.iter().filter(|movement| movement.key.as_deref() == Some(b"tick")).count() as u64;
    assert_eq!(assess("tick"), ticks);

    let mut told = BTreeSet::new();
    let mut inputs = BTreeSet::new();
    for movement in movements.iter().filter(|movement| movement.key.as_deref() != Some(b"tick")) {
        let input = header(movement, "entrepot-input");
        assert!(told.insert((input.clone(), movement.key.clone())), "{input} twice in one family: {}", movement.position);
        inputs.insert(input);
    }
    assert_eq!(inputs.len() as u64, counted.0, "raw messages with movements, one record each");
    let letters = messages(log, DEAD_LETTERS);
    assert_eq!(letters.len() as u64, counted.2);
    for letter in &letters {
        let origin = ["dlq.topic", "dlq.partition", "dlq.offset"].map(|name| header(letter, name)).join("/");
        assert!(inputs.insert(origin.clone()), "{origin} counted twice");
    }
    let fed: usize = raw.iter().map(|topic| messages(log, topic).len()).sum();
    assert_eq!(fed as u64, consumed, "raw messages and records");
    assert_eq!(inputs.len() as u64 + counted.1, consumed, "the rest was excluded");
    counted
}

/// Where a group stands, summed over the partitions of a topic.
pub fn position(positions: &NextOffsets, topic: &str) -> u64 {
    positions.iter().filter(|((name, _), _)| name == topic).map(|(_, offset)| offset.unsigned_abs()).sum()
}
