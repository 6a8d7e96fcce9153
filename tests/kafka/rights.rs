//! Least rights, on a real Apache Kafka that denies by default and lets nobody in without TLS and a password: what `deploy/kafka/acls.csv`
//! lists is enough, and whichever of it is taken away is named, with exit code 77. No password is ever said.

use std::cell::{Cell, RefCell};
use std::fs::{self, File};
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::house::House;
use crate::kafka::{Broker, Brokers, Secure};
use entrepot::stream::Home as _;
use entrepot::stream::kafka::KafkaLog;

/// The rows of the shipped list: what needs the right, and the right.
fn rights() -> Vec<(&'static str, &'static str)> {
    let rows = include_str!("../../deploy/kafka/acls.csv").lines().skip(1);
    rows.map(|row| row.split_once(',').unwrap()).collect()
}

struct Place {
    house: House,
    broker: Broker,
    password: String,
}

impl Place {
    fn new(name: &str, feeds: &[(&str, &str)]) -> Place {
        let broker = Broker::start(name, Brokers::One, Secure::Yes);
        let house = House::new(feeds);
        let mut config = fs::read_to_string(house.path("entrepot.toml")).unwrap();
        config += &format!(
            "[log]\nkind = \"kafka\"\n[topics]\nreplication_factor = 1\n[log.kafka]\nbootstrap_servers = \"{}\"\n\
             [log.kafka.properties]\n\"security.protocol\" = \"SASL_SSL\"\n\"sasl.mechanism\" = \"SCRAM-SHA-512\"\n\
             \"sasl.username\" = \"entrepot\"\n\"sasl.password_file\" = {:?}\n\"ssl.ca.location\" = {:?}\n",
            broker.bootstrap(),
            broker.password_file("entrepot"),
            broker.authority(),
        );
        house.write("entrepot.toml", config.as_bytes());
        let mut records = fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/config/sample/antimony.ndjson")).unwrap();
        records.extend_from_slice(b"bad row\n");
        house.write("world.ndjson", &records);
        let password = fs::read_to_string(broker.password_file("entrepot")).unwrap().trim().to_owned();
        assert!(password.len() >= 8, "a password that could stand anywhere by chance");
        Place { house, broker, password }
    }

    /// The log as the service's own user has it.
    fn log(&self) -> KafkaLog {
        let authority = self.broker.authority();
        let properties = [
            ("security.protocol", "SASL_SSL"),
            ("sasl.mechanism", "SCRAM-SHA-512"),
            ("sasl.username", "entrepot"),
            ("sasl.password", &self.password),
            ("ssl.ca.location", authority.to_str().unwrap()),
        ];
        self.broker.log(&properties)
    }

    /// The user may do this and nothing else.
    fn give<'a>(&self, rights: impl Iterator<Item = &'a str>) {
        let rows: Vec<String> = rights.map(|right| right.replace("RAW", "world")).collect();
        let mut command = Command::new(concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/python"));
        command.args([concat!(env!("CARGO_MANIFEST_DIR"), "/tests/kafka/acls.py"), "--bootstrap", self.broker.bootstrap()]);
        command.arg("--ca").arg(self.broker.authority()).arg("--password").arg(self.broker.password_file("admin"));
        let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(rows.join("\n").as_bytes()).unwrap();
        assert!(child.wait().unwrap().success());
    }

    /// Exit code and all that was said, of a command that ends by itself, or by SIGTERM once `is_over` holds.
    #[track_caller]
    fn ran(&self, arguments: &[&str], is_over: impl Fn() -> bool) -> (i32, String) {
        let said = self.house.path("said.txt");
        let file = File::create(&said).unwrap();
        let mut command = self.house.command(arguments);
        let mut child = command.stdout(file.try_clone().unwrap()).stderr(file).spawn().unwrap();
        let (until, mut is_ending) = (Instant::now() + Duration::from_secs(120), false);
        let code = loop {
            if let Some(status) = child.try_wait().unwrap() {
                break status.code();
            }
            if !is_ending && is_over() {
                is_ending = Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap().success();
            }
            if Instant::now() >= until {
                child.kill().unwrap();
                panic!("{arguments:?} did not end: {}", fs::read_to_string(&said).unwrap());
            }
            std::thread::sleep(Duration::from_millis(50));
        };
        let said = fs::read_to_string(&said).unwrap();
        assert!(!said.contains(&self.password), "{arguments:?} says the password: {said}");
        (code.expect("it was not killed"), said)
    }

    /// A service at work ends once this right is taken from it, and names it.
    #[track_caller]
    fn refused_once_taken(&self, turn: usize, (row, named): (&str, &str)) {
        let all = || rights().into_iter().map(|(_, right)| right);
        self.give(all());
        eprintln!("taken: {row}");
        // The same records, later and heavier: there is something to say.
        let text = fs::read_to_string(self.house.path("world.ndjson")).unwrap();
        let text = text.replace("\"known_from\":\"2025", &format!("\"known_from\":\"203{turn}"));
        let more = format!("{turn}.ndjson");
        self.house.write(&more, text.replace("\"net_mass_kg\":", &format!("\"net_mass_kg\":{turn}")).as_bytes());
        let (log, taken) = (RefCell::new(self.log()), Cell::new(false));
        let lag = |group: &str, topic: &str| log.borrow_mut().lag(group, &[topic.to_owned()]).unwrap();
        let take = || {
            if !taken.get() && lag("entrepot.ingest", "world") == 0 && lag("entrepot.assess", "entrepot.movements") == 0 {
                taken.set(true);
                self.give(all().filter(|right| *right != row));
                self.house.done(&["-q", "feed", &more, "--feed", "world"]);
            }
            false
        };
        let (code, said) = self.ran(&["run"], take);
        let line = said.lines().find(|line| line.contains("the broker refuses")).unwrap_or_default();
        assert!(code == 77 && line.contains(named), "{row}: {code}: {said}");
    }

    /// Refused without this right, which is named.
    #[track_caller]
    fn refused_without(&self, row: &str, arguments: &[&str]) {
        self.give(rights().into_iter().map(|(_, right)| right).filter(|right| *right != row));
        let [right, resource, name, _] = row.split(',').collect::<Vec<_>>()[..] else { panic!("{row} is no right") };
        eprintln!("without {row}");
        let (code, said) = self.ran(arguments, || false);
        let named = match resource {
            "TransactionalId" => format!("transactional id {name}"),
            other => format!("{} {name}", other.to_lowercase()),
        };
        let named = named.replace("RAW", "world");
        let line = said.lines().find(|line| line.contains("the broker refuses")).unwrap_or_default();
        assert!(code == 77 && line.contains(&named) && line.contains(&format!("refuses {right}:")), "{row}: {code}: {said}");
    }
}

#[test]
fn of_several_feeds_the_one_that_may_not_be_read_is_named() {
    let place = Place::new("feeds", &[("other", "canonical"), ("world", "canonical")]);
    let all = || rights().into_iter().map(|(_, right)| right);
    let more = |rows: &[&'static str]| all().chain(rows.to_vec());
    let (read, write) = ("Read,Topic,other,LITERAL", "Write,Topic,other,LITERAL");
    let create = "Create,Topic,other,LITERAL";
    place.give(more(&[read, write, create]));
    assert_eq!(place.ran(&["topics", "create"], || false).0, 0);
    let named = |(code, said): (i32, String)| {
        let lines = said.lines().filter(|line| line.contains("the broker refuses"));
        let refusals: Vec<&str> = lines.collect();
        let is_named = |line: &&str| line.contains("topic other: the broker refuses Read:");
        assert!(code == 77 && refusals.len() == 1 && refusals.iter().all(is_named), "{code}: {said}");
    };
    // It is there, may be described and written to.
    place.give(more(&[write, "Describe,Topic,other,LITERAL"]));
    named(place.ran(&["run"], || false));
    // Taken away under a service at work.
    place.give(more(&[read, write]));
    assert_eq!(place.ran(&["-q", "feed", "world.ndjson", "--feed", "other"], || false).0, 0);
    let (log, taken) = (RefCell::new(place.log()), Cell::new(false));
    let take = || {
        if !taken.get() && log.borrow_mut().lag("entrepot.ingest", &["other".to_owned()]).unwrap() == 0 {
            taken.set(true);
            place.give(more(&[write, "Describe,Topic,other,LITERAL"]));
        }
        false
    };
    named(place.ran(&["run"], take));
    // Gone together with its feed: who comes back has it still, hears that it may not read it, and joins anew without it.
    place.give(all());
    let config = fs::read_to_string(place.house.path("entrepot.toml")).unwrap();
    let feed = "[[feeds]]\nname = \"other\"\nmapping = \"canonical\"\n";
    assert!(config.contains(feed), "{config}");
    place.house.write("entrepot.toml", config.replace(feed, "").as_bytes());
    let is_over =
        || fs::read_to_string(place.house.path("said.txt")).unwrap().contains("\"stage\":\"ingest\",\"topic\":\"world\"");
    let (code, said) = place.ran(&["--log", "json", "run"], is_over);
    assert!(code == 0 && said.contains("topics have changed"), "{code}: {said}");
}

#[test]
fn no_page_no_check_and_no_line_says_the_password() {
    let place = Place::new("secret", &[("world", "canonical")]);
    place.give(rights().into_iter().map(|(_, right)| right));
    let config = fs::read_to_string(place.house.path("entrepot.toml")).unwrap();
    // All that the client may tell of itself.
    let talkative = config.replace("\"sasl.mechanism\"", "\"debug\" = \"conf,security,broker,protocol\"\n\"sasl.mechanism\"");
    place.house.write("entrepot.toml", talkative.as_bytes());
    for create in [["topics", "create"], ["topics", "verify"]] {
        assert_eq!(place.ran(&create, || false).0, 0);
    }
    let (code, said) = place.ran(&["check"], || false);
    assert!(code == 0 && said.contains("sasl.password"), "{code}: {said}");
    let (code, said) = place.ran(&["check", "--online"], || false);
    assert_eq!(code, 0, "{said}");
    let mut service = place.house.serve((&[], &[("RUST_BACKTRACE", "full")]));
    for page in ["/metrics", "/healthz", "/version", "/"] {
        let text = service.get(page);
        assert!(text.len() > 20 && !text.contains(&place.password), "{page}: {text}");
    }
    service.end();
    // The same with every level of the log; `ran` looks for the password in all of it.
    let is_over = || fs::read_to_string(place.house.path("said.txt")).unwrap().contains("\"assigned\"");
    let (code, said) = place.ran(&["--log", "json", "-v", "run"], is_over);
    assert!(code == 0 && said.contains("sasl.mechanism"), "{code}: {said}");
}

/// Rights that are taken away under a service at work, and what it says then.
const TAKEN: [(&str, &str); 4] = [
    ("Read,Topic,RAW,LITERAL", "topic world: the broker refuses Read:"),
    ("Write,Topic,entrepot.movements,LITERAL", "topic entrepot.movements: the broker refuses Write:"),
    ("Write,Topic,entrepot.dead-letters,LITERAL", "topic entrepot.dead-letters: the broker refuses Write:"),
    ("Read,Group,entrepot.,PREFIXED", "group entrepot."),
];

#[test]
fn the_shipped_rights_suffice_and_each_that_is_missing_is_named() {
    let place = Place::new("rights", &[("world", "canonical")]);
    let all = || rights().into_iter().map(|(_, right)| right);
    let of = |command: &'static str| {
        rights().into_iter().filter(move |(needed_for, _)| *needed_for == command).map(|(_, right)| right)
    };
    let feed = ["-q", "feed", "world.ndjson", "--feed", "world"];
    let done = |arguments: &[&str]| {
        let (code, said) = place.ran(arguments, || false);
        assert_eq!(code, 0, "{arguments:?}: {said}");
        said
    };

    of("topics create").for_each(|row| place.refused_without(row, &["topics", "create"]));
    place.give(all());
    done(&["topics", "create"]);
    of("feed").for_each(|row| place.refused_without(row, &feed));
    place.give(all());
    done(&feed);
    // What fails commits nothing, so that the work is there for the next: the list goes from the raw topics to the verdicts. Progress is
    // read where some was noted.
    of("run").for_each(|row| place.refused_without(row, &["run"]));
    place.give(all());
    let log = RefCell::new(place.log());
    let lag = |group: &str, topic: &str| log.borrow_mut().lag(group, &[topic.to_owned()]).unwrap();
    let (code, said) =
        place.ran(&["run"], || lag("entrepot.ingest", "world") == 0 && lag("entrepot.assess", "entrepot.movements") == 0);
    assert_eq!(code, 0, "{said}");
    done(&["topics", "verify"]);
    done(&["check"]);
    let explained = ["world:EXAM900000001/1", "SB/TH/US/2025-03", "SB/TH/US/-"].map(|subject| ["explain", subject]);
    explained.iter().for_each(|explain| drop(done(explain)));
    for (row, explain) in of("explain").zip(&explained) {
        place.refused_without(row, explain);
    }
    // Another model has to know what stands.
    let model = include_str!("../../config/model.toml").replace("base_probability = 20 ", "base_probability = 60 ");
    place.house.write("model.toml", model.as_bytes());
    of("explain").for_each(|row| place.refused_without(row, &["--set", "model.path=model.toml", "run"]));
    place.give(all());
    assert!(done(&["dead-letters", "ls"]).contains("world/0/"));
    of("dead-letters").for_each(|row| place.refused_without(row, &["dead-letters", "ls"]));
    place.give(all());
    let said = done(&["explain", "SB/TH/US/-", "--format", "json"]);
    let (_, position) = said.split_once("\"position\":\"").unwrap();
    done(&["explain", position.split('"').next().unwrap()]);
    let (code, said) = place.ran(&["dead-letters", "redrive"], || false);
    assert_ne!(code, 77, "{said}");

    for (index, taken) in TAKEN.into_iter().enumerate() {
        place.refused_once_taken(index + 1, taken);
    }

    let config = fs::read_to_string(place.house.path("entrepot.toml")).unwrap();
    let right = place.broker.password_file("entrepot");
    let wrong = place.house.write("wrong.password", b"no password of anybody");
    place.house.write("wrong.toml", config.replace(right.to_str().unwrap(), wrong.to_str().unwrap()).as_bytes());
    let (code, said) = place.ran(&["--config", "wrong.toml", "run"], || false);
    assert!(code == 77 && said.contains("the broker refuses the login"), "{code}: {said}");
}
