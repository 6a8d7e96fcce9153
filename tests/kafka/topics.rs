//! Topics and offsets that others change under a service, on a real Apache Kafka: messages and topics deleted, topics made again,
//! partitions added, offsets deleted and set back, feeds taken out and put in. Nothing is passed over without a word; what cannot go on ends with 76 and says what to do.

use std::process::Child;

use crate::house::{House, MOVEMENTS, by_key, header, messages};
use crate::kafka::{Broker, Brokers, Secure, ended, wait_until};
use crate::served::{delete_records, end, flow, lag, on, said, serve, set, signal, wait_for};
use entrepot::stream::kafka::KafkaLog;
use entrepot::stream::{Home, Log as _, NextOffsets, Outgoing};

const TOPICS: &str = "org.apache.kafka.tools.TopicCommand";
const GROUPS: &str = "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand";

/// A house with feeds on a broker of its own.
struct Place {
    house: House,
    broker: Broker,
    settings: Vec<String>,
    fed: u32,
}

impl Place {
    /// Sessions and metadata do not outlast their use for long: a test waits for their end.
    fn new(name: &str, feeds: &[(&str, &str)]) -> Place {
        let house = House::new(feeds);
        let mut config = std::fs::read_to_string(house.path("entrepot.toml")).unwrap();
        config +=
            "[log.kafka.properties]\n\"session.timeout.ms\" = \"16000\"\n\"topic.metadata.refresh.interval.ms\" = \"2000\"\n";
        house.write("entrepot.toml", config.as_bytes());
        let broker = Broker::start(name, Brokers::One, Secure::No);
        let settings = on(&broker);
        house.done(&[&set(&settings)[..], &["-q", "topics", "create"]].concat());
        Place { house, broker, settings, fed: 0 }
    }

    /// So many records that were not there before.
    fn feed(&mut self, feed: &str, count: u32) {
        let month = |index: u32| format!("{}-{:02}", 2010 + index / 12, index % 12 + 1);
        let rows: String = (self.fed..self.fed + count).map(|index| flow(&month(index))).collect();
        let file = format!("{}.ndjson", self.fed);
        self.house.write(&file, rows.as_bytes());
        self.house.done(&[&set(&self.settings)[..], &["-q", "feed", &file, "--feed", feed]].concat());
        self.fed += count;
    }

    /// A service both of whose stages were assigned what they read (offsets that stand at the end say nothing of that), and that has
    /// done all there is.
    fn served(&mut self, instance: &str) -> (Child, KafkaLog) {
        let mut process = serve(&self.house, &self.settings, instance);
        for stage in ["ingest", "assess"] {
            wait_for(&self.house, instance, &format!("\"assigned\",\"stage\":\"{stage}\""));
        }
        let mut log = self.broker.log(&[]);
        self.catch_up(&mut process, instance, &mut log);
        (process, log)
    }

    /// Waits until a service has done all there is.
    #[track_caller]
    fn catch_up(&self, process: &mut Child, instance: &str, log: &mut KafkaLog) {
        wait_until("both stages", || {
            assert!(process.try_wait().unwrap().is_none(), "it ended: {}", said(&self.house, instance));
            lag(log) == 0
        });
    }

    /// Ends by itself with 76, for this reason.
    #[track_caller]
    fn ends(&self, mut process: Child, instance: &str, words: &[&str]) {
        let code = ended("the service", &mut process);
        // The last error stands there as JSON.
        let said = said(&self.house, instance).replace(r#"\""#, "\"");
        assert!(code == Some(76) && words.iter().any(|words| said.contains(words)), "{code:?}: {said}");
    }

    /// Does not start either.
    #[track_caller]
    fn refuses(&self, more: &[&str], words: &[&str]) {
        let (code, _, stderr) = self.house.run(&[&set(&self.settings)[..], more, &["run"]].concat());
        assert!(code == 76 && words.iter().any(|words| stderr.contains(words)), "{code}: {stderr}");
    }

    /// From its next start on the service reads these feeds alone.
    fn read_alone(&self, feeds: &[&str]) {
        let config = std::fs::read_to_string(self.house.path("entrepot.toml")).unwrap();
        let of_feeds = |line: &&str| ["[[feeds]]", "name =", "mapping ="].iter().any(|start| line.starts_with(start));
        let mut lines: Vec<String> = config.lines().filter(|line| !of_feeds(line)).map(str::to_owned).collect();
        lines.extend(feeds.iter().map(|name| format!("[[feeds]]\nname = \"{name}\"\nmapping = \"canonical\"")));
        self.house.write("entrepot.toml", (lines.join("\n") + "\n").as_bytes());
    }

    /// Moves an offset of ingest, once the session of whoever was its member is over.
    fn reset(&self, topic: &str, to: &[&str]) {
        self.reset_of("entrepot.ingest", topic, to);
    }

    fn reset_of(&self, group: &str, topic: &str, to: &[&str]) {
        let reset = ["--reset-offsets", "--group", group, "--topic", topic, "--execute"];
        // Before that it says no, above the same head of a table.
        let is_done = |told: &str| told.lines().any(|line| line.starts_with(group));
        wait_until("the group's end", || is_done(&self.broker.run(GROUPS, &[&reset[..], to].concat())));
    }

    /// Where ingest stands in partition 0 of a topic.
    fn stands(&self, topic: &str) -> Option<i64> {
        self.stands_of("entrepot.ingest", (topic, 0))
    }

    fn stands_of(&self, group: &str, (topic, partition): (&str, i32)) -> Option<i64> {
        let told = self.broker.run(GROUPS, &["--describe", "--group", group, "--offsets"]);
        let row = |line: &str| {
            let columns: Vec<&str> = line.split_whitespace().collect();
            (columns.get(1..3)? == [topic, &partition.to_string()]).then(|| columns[3].parse().ok())?
        };
        told.lines().find_map(row)
    }

    /// Keys of movements, each as often as it stands there.
    fn movements(&self) -> usize {
        by_key(&mut self.broker.log(&[]), MOVEMENTS).values().map(Vec::len).sum()
    }
}

#[test]
fn topics_that_no_broker_will_have_are_refused_for_good_by_name_and_key() {
    let place = Place::new("refused", &[("world", "canonical")]);
    let check = |more: &[&str], topic: &str, words: &[&str]| {
        for command in [&["topics", "create"][..], &["run"]] {
            let (code, _, stderr) = place.house.run(&[&set(&place.settings)[..], more, command].concat());
            assert!(code == 78 && stderr.contains(topic) && words.iter().all(|words| stderr.contains(words)), "{code}: {stderr}");
        }
        // Nobody is told to make what cannot be made.
        for (command, line) in [(&["check", "--online"][..], "topic "), (&["topics", "verify"][..], "missing  ")] {
            let (code, stdout, stderr) = place.house.run(&[&set(&place.settings)[..], more, command].concat());
            let told = stdout.lines().find(|told| told.starts_with(line) && told.contains(topic)).unwrap_or_default();
            assert!(code == 1 && words.iter().all(|words| told.contains(words)), "{code}: {stdout}{stderr}");
        }
    };
    // What everybody has who begins with one broker.
    let three = ["--set", "topics.prefix=three.", "--set", "topics.replication_factor=3"];
    check(&three, "three.movements", &["3 copies of it are wanted, of 1 broker:", "change topics.replication_factor"]);
    place.broker.run(TOPICS, &["--create", "--topic", "an.other.movements", "--partitions", "1"]);
    let alike = ["--set", "topics.prefix=an_other."];
    check(
        &alike,
        "an_other.movements",
        &["\"an.other.movements\" is there, from which it differs in . and _ alone", "topics.prefix"],
    );
}

#[test]
fn messages_deleted_before_they_were_read_end_the_service() {
    let mut place = Place::new("cut", &[("world", "canonical")]);
    place.feed("world", 3);
    let (process, mut log) = place.served("first");
    signal(&process, "STOP");
    // An answer that the broker still owes may bring the first of them, not those after it.
    place.feed("world", 1);
    place.feed("world", 5);
    let end_of_raw = log.end_offset("world", 0).unwrap();
    delete_records(&place.house, &place.broker, ("world", 0), end_of_raw - 3);
    signal(&process, "CONT");
    let words = format!("world/0 begins at {}", end_of_raw - 3);
    place.ends(process, "first", &[&words]);
    place.refuses(&[], &[&words]);
    // What it says to do: what is left is taken.
    place.reset("world:0", &["--to-earliest"]);
    let before = place.movements();
    let (process, _) = place.served("second");
    assert_eq!(end(process), Some(0));
    let left = messages(&mut place.broker.log(&[]), "world").len();
    assert!(left == 2 && place.movements() == before + left, "{left} left, {before} before, {} now", place.movements());
}

#[test]
fn messages_deleted_after_they_were_read_are_no_loss() {
    let mut place = Place::new("aged", &[("world", "canonical")]);
    place.feed("world", 3);
    let (mut process, _) = place.served("first");
    // All of it, and the mark of the transaction behind the last one, as retention does.
    delete_records(&place.house, &place.broker, ("world", 0), -1);
    place.feed("world", 1);
    let mut log = place.broker.log(&[]);
    place.catch_up(&mut process, "first", &mut log);
    // Two transactions, of three messages and one: with a mark behind each the end is 6.
    wait_until("the offset behind the mark", || place.stands("world") == Some(6));
    delete_records(&place.house, &place.broker, ("world", 0), -1);
    assert_eq!(end(process), Some(0), "{}", said(&place.house, "first"));
    let (mut process, _) = place.served("second");
    place.feed("world", 1);
    place.catch_up(&mut process, "second", &mut log);
    assert_eq!(end(process), Some(0), "{}", said(&place.house, "second"));
    assert_eq!(place.movements(), 5);
}

#[test]
fn a_raw_topic_that_is_deleted_ends_the_service() {
    let mut place = Place::new("away", &[("world", "canonical"), ("other", "canonical")]);
    place.feed("world", 3);
    let (process, _) = place.served("first");
    place.broker.run(TOPICS, &["--delete", "--topic", "world"]);
    place.ends(process, "first", &["topic \"world\" was deleted while group entrepot.ingest read it"]);
    // The next start makes it anew, as it does with any that is missing, and knows that it was another.
    place.refuses(&[], &["world/0 ends at 0, but 3 is committed: the log was truncated or made again"]);
}

#[test]
fn a_raw_topic_that_is_made_again_ends_the_service_though_it_is_longer() {
    let mut place = Place::new("again", &[("world", "canonical")]);
    place.feed("world", 3);
    let (process, log) = place.served("first");
    drop(log);
    signal(&process, "STOP");
    place.broker.run(TOPICS, &["--delete", "--topic", "world"]);
    // A name is free again when its topic is gone.
    wait_until("its end", || !place.broker.run(TOPICS, &["--list"]).lines().any(|topic| topic == "world"));
    place.broker.run(TOPICS, &["--create", "--topic", "world", "--partitions", "1"]);
    place.feed("world", 9);
    signal(&process, "CONT");
    let again = "topic \"world\" was deleted and made again since group entrepot.ingest read it";
    let gone = "world/0: group entrepot.ingest has no committed offset, but had committed 3";
    place.ends(process, "first", &[again]);
    place.refuses(&[], &[again, gone]);
    place.reset("world:0", &["--to-earliest"]);
    let (process, _) = place.served("second");
    assert_eq!(end(process), Some(0));
    let inputs = messages(&mut place.broker.log(&[]), "world").len();
    let told = messages(&mut place.broker.log(&[]), MOVEMENTS);
    let of_last = told.iter().rev().take(inputs).map(|movement| header(movement, "entrepot-input"));
    assert!(inputs == 9 && told.len() >= 12 && of_last.count() == 9, "{inputs} raw, {} movements", told.len());
}

#[test]
fn an_offset_of_a_topic_that_was_made_again_while_nobody_read_is_refused() {
    let mut place = Place::new("between", &[("world", "canonical")]);
    place.feed("world", 3);
    let (process, _) = place.served("first");
    assert_eq!(end(process), Some(0));
    // With a topic its groups' offsets go.
    place.broker.run(TOPICS, &["--delete", "--topic", "world"]);
    wait_until("its end", || !place.broker.run(TOPICS, &["--list"]).lines().any(|topic| topic == "world"));
    place.broker.run(TOPICS, &["--create", "--topic", "world", "--partitions", "1"]);
    place.feed("world", 9);
    place.refuses(&[], &["world/0: group entrepot.ingest has no committed offset, but had committed 3"]);
}

#[test]
fn partitions_of_a_raw_topic_that_are_added_are_read_from_their_first_message() {
    let mut place = Place::new("more", &[("world", "canonical")]);
    place.feed("world", 3);
    let (process, log) = place.served("first");
    drop(log);
    place.broker.run(TOPICS, &["--alter", "--topic", "world", "--partitions", "3"]);
    let mut log = place.broker.log(&[]);
    for partition in 0..3 {
        for month in 1..=4 {
            let value = Some(flow(&format!("202{partition}-0{month}")).into_bytes());
            let outgoing = Outgoing { topic: "world".into(), partition: Some(partition), key: None, value, headers: Vec::new() };
            log.send(outgoing).unwrap();
        }
    }
    log.commit(&NextOffsets::new()).unwrap();
    wait_until("all three partitions", || lag(&mut log) == 0);
    assert_eq!(end(process), Some(0));
    place.broker.audit(&["world"], 0);
    let (process, _) = place.served("second");
    assert_eq!(end(process), Some(0));
    assert_eq!(place.movements(), 15);
}

#[test]
fn movements_that_get_more_partitions_end_the_service() {
    let mut place = Place::new("grown", &[("world", "canonical")]);
    place.feed("world", 3);
    let (process, _) = place.served("first");
    place.broker.run(TOPICS, &["--alter", "--topic", MOVEMENTS, "--partitions", "13"]);
    let grown = "topic \"entrepot.movements\" has 13 partitions, but the log was made with 12";
    place.ends(process, "first", &[grown]);
    place.refuses(&[], &[grown]);
    // Nor does it help to set what is found.
    for topic in ["sightings", "assessments", "corridors", "alerts", "dead-letters"] {
        place.broker.run(TOPICS, &["--alter", "--topic", &format!("entrepot.{topic}"), "--partitions", "13"]);
    }
    place.refuses(&["--set", "topics.partitions=13"], &[grown]);
    assert_eq!(place.movements(), 3);
}

#[test]
fn offsets_deleted_of_one_topic_alone_are_missed_and_set_again() {
    let mut place = Place::new("forgotten", &[("world", "canonical"), ("other", "canonical")]);
    place.feed("world", 3);
    place.feed("other", 2);
    let (process, mut log) = place.served("first");
    wait_until("the other feed", || log.lag("entrepot.ingest", &["other".to_owned()]).unwrap() == 0);
    assert_eq!(end(process), Some(0));
    let of_group = |group: &str| place.broker.run(GROUPS, &["--describe", "--group", group, "--offsets"]);
    let delete = ["--delete-offsets", "--group", "entrepot.ingest", "--topic", "world"];
    wait_until("the group's end", || place.broker.run(GROUPS, &delete).contains("Successful"));
    // It deletes that, and nothing else.
    let (ingest, assess) = (of_group("entrepot.ingest"), of_group("entrepot.assess"));
    assert!(!ingest.contains(" world ") && ingest.contains(" other ") && assess.contains(MOVEMENTS), "{ingest}{assess}");
    place.refuses(&[], &["world/0: group entrepot.ingest has no committed offset, but had committed 3: set it to 3"]);
    assert_eq!(place.movements(), 5);
    place.reset("world:0", &["--to-offset", "3"]);
    place.feed("world", 2);
    let (process, _) = place.served("second");
    assert_eq!(end(process), Some(0));
    assert_eq!(place.movements(), 7);
    place.broker.audit(&["world", "other"], 0);
}

/// Where a service had to join its group anew before it had anything to read.
#[track_caller]
fn check_joined_anew(said: &str) {
    let (before, after) = said.split_once("topics have changed").unwrap_or_else(|| panic!("it did not join anew: {said}"));
    assert!(!before.contains("\"stage\":\"ingest\"") && !after.contains("nobody's"), "{said}");
}

#[test]
fn feeds_are_taken_out_and_put_in_between_a_stop_and_a_start() {
    let mut place = Place::new("feeds", &[("world", "canonical"), ("other", "canonical")]);
    place.feed("world", 3);
    place.feed("other", 2);
    let (process, mut log) = place.served("first");
    wait_until("the other feed", || log.lag("entrepot.ingest", &["other".to_owned()]).unwrap() == 0);
    assert_eq!(end(process), Some(0));
    // What comes for a feed that is out waits.
    let stood = place.stands("other");
    place.feed("other", 2);
    place.read_alone(&["world"]);
    place.feed("world", 2);
    // A member is known by its instance: the next service under the same name has what this one had. Each has a log of its own here.
    let mut again = |place: &mut Place, more: &dyn Fn(&mut KafkaLog) -> bool| {
        let before = said(&place.house, "first").len();
        let mut process = serve(&place.house, &place.settings, "first");
        wait_until("what is there", || {
            assert!(process.try_wait().unwrap().is_none(), "{}", &said(&place.house, "first")[before..]);
            said(&place.house, "first")[before..].contains("\"stage\":\"ingest\"") && lag(&mut log) == 0 && more(&mut log)
        });
        assert_eq!(end(process), Some(0));
        check_joined_anew(&said(&place.house, "first")[before..]);
    };
    again(&mut place, &|_| true);
    assert_eq!((place.stands("other"), place.movements()), (stood, 7));
    place.read_alone(&["world", "other"]);
    again(&mut place, &|log| log.lag("entrepot.ingest", &["other".to_owned()]).unwrap() == 0);
    assert_eq!(place.movements(), 9);
    place.read_alone(&["world"]);
    place.broker.run(TOPICS, &["--delete", "--topic", "other"]);
    place.feed("world", 1);
    again(&mut place, &|_| true);
    assert_eq!(place.movements(), 10);
}

#[test]
fn a_raw_topic_that_is_made_again_with_fewer_partitions_is_refused() {
    let mut place = Place::new("fewer", &[("world", "canonical")]);
    place.broker.run(TOPICS, &["--alter", "--topic", "world", "--partitions", "3"]);
    place.feed("world", 3);
    let (process, log) = place.served("first");
    drop(log);
    assert_eq!(end(process), Some(0));
    place.broker.run(TOPICS, &["--delete", "--topic", "world"]);
    wait_until("its end", || !place.broker.run(TOPICS, &["--list"]).lines().any(|topic| topic == "world"));
    // The start makes it anew; the member still has all three.
    let words = "topic \"world\" was deleted and made again since group entrepot.ingest read it";
    place.refuses(&["--set", "service.instance=first"], &[words]);
}

#[test]
fn an_offset_of_movements_that_was_set_back_is_refused() {
    let mut place = Place::new("back", &[("world", "canonical")]);
    place.feed("world", 3);
    let (process, mut log) = place.served("first");
    assert_eq!(end(process), Some(0));
    let partition = (0..12).find(|partition| log.end_offset(MOVEMENTS, *partition).unwrap() > 0).unwrap();
    let stood = place.stands_of("entrepot.assess", (MOVEMENTS, partition)).unwrap();
    let corridors = messages(&mut log, "entrepot.corridors").len();
    let topic = format!("{MOVEMENTS}:{partition}");
    place.reset_of("entrepot.assess", &topic, &["--to-earliest"]);
    place.refuses(&[], &[&format!("the offset of group entrepot.assess was set back to 0, it had committed {stood}")]);
    assert_eq!(messages(&mut log, "entrepot.corridors").len(), corridors);
    // What it says to do.
    place.reset_of("entrepot.assess", &topic, &["--to-offset", &stood.to_string()]);
    place.feed("world", 1);
    let (process, _) = place.served("second");
    assert_eq!(end(process), Some(0));
    place.broker.audit(&["world"], 0);
}

#[test]
fn an_offset_that_was_set_forward_over_messages_is_refused_or_said() {
    let mut place = Place::new("forth", &[("world", "canonical")]);
    place.feed("world", 3);
    let (process, mut log) = place.served("first");
    assert_eq!(end(process), Some(0));
    let partition = (0..12).find(|partition| log.end_offset(MOVEMENTS, *partition).unwrap() > 0).unwrap();
    let stood = place.stands_of("entrepot.assess", (MOVEMENTS, partition)).unwrap();
    // Movements that nobody has assessed.
    place.feed("world", 2);
    let ingest = [&set(&place.settings)[..], &["-q", "run", "--stage", "ingest"]].concat();
    let process = place.house.command(&ingest).spawn().unwrap();
    wait_until("ingest", || log.lag("entrepot.ingest", &["world".to_owned()]).unwrap() == 0);
    assert_eq!(end(process), Some(0));
    let topic = format!("{MOVEMENTS}:{partition}");
    place.reset_of("entrepot.assess", &topic, &["--to-latest"]);
    let forward = format!("it had committed {stood}: verdicts would be missing. Set it to {stood}");
    place.refuses(&[], &[&forward]);
    // What it says to do.
    place.reset_of("entrepot.assess", &topic, &["--to-offset", &stood.to_string()]);
    let (process, _) = place.served("second");
    assert_eq!(end(process), Some(0));
    place.broker.audit(&["world"], 0);
    // Of a raw topic it is the user's affair what is read; over nothing but the mark of a transaction there is nothing to say.
    let words = "the offset was set forward by other hands";
    place.reset("world:0", &["--to-latest"]);
    let (process, _) = place.served("third");
    assert_eq!(end(process), Some(0));
    assert!(!said(&place.house, "third").contains(words), "{}", said(&place.house, "third"));
    place.feed("world", 2);
    place.reset("world:0", &["--to-latest"]);
    let (process, _) = place.served("fourth");
    assert_eq!(end(process), Some(0));
    assert!(said(&place.house, "fourth").contains(words), "{}", said(&place.house, "fourth"));
    assert_eq!(place.movements(), 5);
}

#[test]
fn verdicts_that_are_deleted_end_the_service_and_no_start_goes_on_without_them() {
    let mut place = Place::new("verdicts", &[("world", "canonical")]);
    place.feed("world", 3);
    let (process, log) = place.served("first");
    drop(log);
    place.broker.run(TOPICS, &["--delete", "--topic", "entrepot.corridors"]);
    place.ends(process, "first", &["topic \"entrepot.corridors\" was deleted under a running service"]);
    // The next start makes it anew, as it does with any that is missing, and knows that it was another.
    place.refuses(&[], &["topic \"entrepot.corridors\" is not safe: it was deleted and made again"]);
    let (code, stdout, _) = place.house.run(&[&set(&place.settings)[..], &["topics", "verify"]].concat());
    assert!(code == 1 && stdout.contains("differs  entrepot.corridors: it was deleted and made again"), "{code}: {stdout}");
    assert_eq!(stdout.matches("differs").count(), 1, "{stdout}");
}

#[test]
fn a_replay_waits_for_the_leaders_of_the_topics_that_it_makes() {
    let mut place = Place::new("made", &[("world", "canonical")]);
    place.feed("world", 3);
    for prefix in ["one.", "two.", "three."] {
        let replay = ["-q", "replay", "--from", "start", "--stage", "ingest", "--out-prefix", prefix];
        place.house.done(&[&set(&place.settings)[..], &replay].concat());
        assert_eq!(messages(&mut place.broker.log(&[]), &format!("{prefix}movements")).len(), 3);
    }
}
