//! The real service on a real Apache Kafka: the same outputs as on the embedded log, key by key, though processes are killed; and what it
//! refuses, with which exit code. An independent client audits what stands there afterwards.

use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::house::{DEAD_LETTERS, House, MOVEMENTS, VERDICTS, by_key, messages, without_offset};
use crate::kafka::{Broker, Brokers, Secure, ended, wait_until};
use crate::said::check_end;
use crate::served::{delete_records, end, end_now, flow, lag, on, serve, set, wait_for};
use entrepot::domain::Header;
use entrepot::stream::embedded::EmbeddedLog;
use entrepot::stream::kafka::KafkaLog;
use entrepot::stream::{Artifact, Home, Log as _, NextOffsets, Outgoing, write_ticks};

const RECORDS: usize = 1_500;
/// The day after the last record.
const CLOSING: &str = "2026-01-01";

fn world(house: &House) {
    let simulate = ["-q", "simulate", "--seed", "5", "--out", "simulated", "--from", "2023-01", "--until", "2025-06"];
    house.done(&[&simulate[..], &["--records", &RECORDS.to_string(), "--scheme", "relabel"]].concat());
    let text = std::fs::read_to_string(house.path("simulated/records.ndjson")).unwrap();
    let rows = text
        .lines()
        .enumerate()
        .map(|(index, line)| if index % 20 == 0 { format!("{line}\nbad row {index}\n") } else { format!("{line}\n") });
    house.write("world.ndjson", rows.collect::<String>().as_bytes());
}

/// The same keys, and under each the same value at the end.
#[track_caller]
fn check_last_values(log: &mut KafkaLog, calm: &mut EmbeddedLog) {
    for topic in VERDICTS {
        let wanted = by_key(calm, topic);
        let found = by_key(log, topic);
        assert!(topic == "entrepot.alerts" || !wanted.is_empty());
        assert_eq!(found.keys().collect::<Vec<_>>(), wanted.keys().collect::<Vec<_>>(), "keys of {topic}");
        for (key, values) in &wanted {
            let last = |values: &[Vec<u8>]| without_offset(values.last().unwrap());
            assert_eq!(last(&found[key]), last(values), "{topic}");
        }
    }
}

#[test]
fn two_processes_killed_again_and_again_leave_what_an_undisturbed_embedded_log_holds() {
    const KILLS: u32 = 24;
    let calm = House::new(&[("world", "canonical")]);
    world(&calm);
    calm.feed(&calm.path("world.ndjson"), "world");
    calm.serve_to_the_end((&[], &[]), CLOSING);

    let broker = Broker::start("kills", Brokers::One, Secure::No);
    let settings = on(&broker);
    calm.done(&[&set(&settings)[..], &["-q", "topics", "create"]].concat());
    let mut log = broker.log(&[]);
    let names = ["entrepot-0", "entrepot-1"];
    let mut processes = names.map(|name| serve(&calm, &settings, name));
    let feeding = [&set(&settings)[..], &["-q", "feed", "world.ndjson", "--feed", "world", "--rate", "120"]].concat();
    let mut feed = calm.command(&feeding).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    for kill in 0..KILLS {
        std::thread::sleep(Duration::from_millis(300 + u64::from(kill * 7919 % 900)));
        let struck = kill as usize % 2;
        processes[struck].kill().unwrap();
        processes[struck].wait().unwrap();
        processes[struck] = serve(&calm, &settings, names[struck]);
    }
    assert_eq!(ended("the feeding", &mut feed), Some(0));
    let mut catch_up = |log: &mut KafkaLog| {
        wait_until("both stages catching up", || {
            for (process, name) in processes.iter_mut().zip(names) {
                let said = || std::fs::read_to_string(calm.path(&format!("{name}.log"))).unwrap();
                assert!(process.try_wait().unwrap().is_none(), "{name} ended: {}", said());
            }
            lag(log) == 0
        });
    };
    catch_up(&mut log);
    write_ticks(&mut log, MOVEMENTS, CLOSING.parse().unwrap()).unwrap();
    catch_up(&mut log);
    assert_eq!(processes.map(end), [Some(0), Some(0)]);
    // On a busy machine none may have lived long enough to write a snapshot; at their end both have.
    std::fs::rename(calm.path("entrepot-0.log"), calm.path("before.log")).unwrap();
    let last = serve(&calm, &settings, names[0]);
    wait_for(&calm, names[0], "state restored");
    assert_eq!(end(last), Some(0));

    check_last_values(&mut log, &mut calm.log());
    broker.audit(&["world"], 0);
}

#[test]
fn a_new_model_is_rolled_out_under_load_and_numbers_go_on() {
    let calm = House::new(&[("world", "canonical")]);
    world(&calm);
    let model = include_str!("../../config/model.toml").replace("base_probability = 20 ", "base_probability = 60 ");
    calm.write("model.toml", model.as_bytes());
    calm.feed(&calm.path("world.ndjson"), "world");
    calm.serve_to_the_end((&["model.path=model.toml"], &[]), CLOSING);

    let broker = Broker::start("rollout", Brokers::One, Secure::No);
    let old = on(&broker);
    let new = [&old[..], &["model.path=model.toml".to_owned()]].concat();
    calm.done(&[&set(&old)[..], &["-q", "topics", "create"]].concat());
    let names = ["entrepot-0", "entrepot-1"];
    let mut processes = names.map(|name| serve(&calm, &old, name));
    let feeding = [&set(&old)[..], &["-q", "feed", "world.ndjson", "--feed", "world", "--rate", "250"]].concat();
    let mut feed = calm.command(&feeding).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    // One by one; meanwhile partitions move between the two models, there and back.
    for (index, settings) in [(0, &new), (1, &old), (0, &old), (1, &new), (0, &new)] {
        std::thread::sleep(Duration::from_secs(1));
        assert_eq!(end_now(&mut processes[index]), Some(0));
        processes[index] = serve(&calm, settings, names[index]);
    }
    assert_eq!(ended("the feeding", &mut feed), Some(0));
    let mut log = broker.log(&[]);
    for closing in [None, Some(CLOSING)] {
        closing.iter().for_each(|date| drop(write_ticks(&mut log, MOVEMENTS, date.parse().unwrap()).unwrap()));
        wait_until("both stages catching up", || {
            for (process, name) in processes.iter_mut().zip(names) {
                let said = || std::fs::read_to_string(calm.path(&format!("{name}.log"))).unwrap();
                assert!(process.try_wait().unwrap().is_none(), "{name} ended: {}", said());
            }
            lag(&mut log) == 0
        });
    }
    assert_eq!(processes.map(end), [Some(0), Some(0)]);
    let told = names.map(|name| std::fs::read_to_string(calm.path(&format!("{name}.log"))).unwrap()).concat();
    assert!(told.contains("what differs is published"), "{told}");
    check_end(&mut log, &mut calm.log());
}

#[test]
fn what_would_not_be_safe_is_refused_and_says_what_to_do() {
    let house = House::new(&[("world", "canonical")]);
    house.write("world.ndjson", b"bad row\n");
    let broker = Broker::start("unsafe", Brokers::One, Secure::No);
    let mut settings = on(&broker);
    house.done(&[&set(&settings)[..], &["-q", "topics", "create"]].concat());
    let alter = |change: &str| {
        broker.run(
            "kafka.admin.ConfigCommand",
            &["--alter", "--entity-type", "topics", "--entity-name", MOVEMENTS, "--add-config", change],
        );
    };
    let refused = |settings: &[String], code: i32, said: &str| {
        let (found, _, stderr) = house.run(&[&set(settings)[..], &["run"]].concat());
        assert!(found == code && stderr.contains(said), "{found}: {stderr}");
    };
    alter("retention.ms=1000");
    refused(&settings, 76, "retention.ms is 1000, has to be -1");
    alter("retention.ms=-1,cleanup.policy=compact");
    refused(&settings, 76, "cleanup.policy is compact, has to be delete");
    let (code, stdout, _) = house.run(&[&set(&settings)[..], &["topics", "verify"]].concat());
    assert!(code == 1 && stdout.contains("differs  entrepot.movements: cleanup.policy is compact"), "{stdout}");
    alter("cleanup.policy=delete");
    settings.push("topics.partitions=5".to_owned());
    refused(&settings, 76, "keys would move");
    settings.pop();

    // Work was done, then the group's offset is gone.
    house.done(&[&set(&settings)[..], &["-q", "feed", "world.ndjson", "--feed", "world"]].concat());
    let mut log = broker.log(&[]);
    let process = serve(&house, &settings, "entrepot-0");
    wait_until("ingest", || log.lag("entrepot.ingest", &["world".to_owned()]).unwrap() == 0);
    assert_eq!(end(process), Some(0));
    let groups = "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand";
    // The member that has just left is static: the group is empty only once its session is over.
    let delete = ["--delete", "--group", "entrepot.ingest", "--timeout", "90000"];
    wait_until("the group going", || broker.run(groups, &delete).contains("was successful"));
    refused(&settings, 76, "world/0: group entrepot.ingest has no committed offset, but had committed 1");
    settings.push("log.kafka.properties.acks=1".to_owned());
    refused(&settings, 78, "acks: entrepot owns it");
}

#[test]
fn without_a_broker_it_ends_in_time() {
    let house = House::new(&[("world", "canonical")]);
    let broker = Broker::start("gone", Brokers::One, Secure::No);
    let settings = on(&broker);
    house.done(&[&set(&settings)[..], &["-q", "topics", "create"]].concat());
    let process = serve(&house, &settings, "entrepot-0");
    wait_for(&house, "entrepot-0", "\"assigned\"");
    broker.kill(1);
    let asked = Instant::now();
    assert_eq!(end(process), Some(0), "{}", std::fs::read_to_string(house.path("entrepot-0.log")).unwrap());
    // service.drain_timeout_seconds is 15, and ending the clients may take a moment more.
    assert!(asked.elapsed() < Duration::from_secs(20), "{:?}", asked.elapsed());
    let (code, _, stderr) = house.run(&[&set(&settings)[..], &["run"]].concat());
    assert!(code == 69 && stderr.contains("no broker of"), "{code}: {stderr}");
}

#[test]
fn brokers_that_stand_still_while_something_is_kept_are_named() {
    let (broker, house) = (Broker::start("frozen", Brokers::One, Secure::No), House::new(&[]));
    house.done(&[&set(&on(&broker))[..], &["-q", "topics", "create"]].concat());
    let mut log = broker.log(&[]);
    let model = |hash: &str| Artifact { hash: hash.to_owned(), kind: "model".to_owned(), content: b"x".to_vec() };
    log.keep(&model("sha256:1")).unwrap();
    broker.stop(1);
    let error = log.keep(&model("sha256:2")).unwrap_err();
    broker.cont(1);
    let said = error.to_string();
    assert!(
        error.exit_code() == 75 && said.starts_with("keeping something beside the messages came to nothing within "),
        "{said}"
    );
    assert!(said.ends_with(&format!(" s: topic \"entrepot.kept\", brokers {}", broker.bootstrap())), "{said}");
}

#[test]
fn of_two_processes_under_one_name_the_first_ends_and_says_why() {
    let house = House::new(&[("world", "canonical")]);
    world(&house);
    let broker = Broker::start("names", Brokers::One, Secure::No);
    let settings = on(&broker);
    house.done(&[&set(&settings)[..], &["-q", "topics", "create"]].concat());
    let mut first = serve(&house, &settings, "same");
    wait_for(&house, "same", "\"assigned\"");
    std::fs::rename(house.path("same.log"), house.path("first.log")).unwrap();
    let second = serve(&house, &settings, "same");
    house.done(&[&set(&settings)[..], &["-q", "feed", "world.ndjson", "--feed", "world"]].concat());
    assert_eq!(ended("the first of two", &mut first), Some(75), "{}", std::fs::read_to_string(house.path("first.log")).unwrap());
    let said = std::fs::read_to_string(house.path("first.log")).unwrap();
    assert!(said.contains(r#"another process runs as instance \"same\""#), "{said}");
    let mut log = broker.log(&[]);
    wait_until("the second doing all of it", || lag(&mut log) == 0);
    write_ticks(&mut log, MOVEMENTS, CLOSING.parse().unwrap()).unwrap();
    wait_until("the closing tick", || lag(&mut log) == 0);
    assert_eq!(end(second), Some(0));
    // Whatever the first had begun: each key ends as on a log that one process had to itself.
    house.feed(&house.path("world.ndjson"), "world");
    house.serve_to_the_end((&[], &[]), CLOSING);
    check_last_values(&mut log, &mut house.log());
    broker.audit(&["world"], 0);
}

#[test]
fn what_was_deleted_before_the_start_is_no_loss_and_what_state_is_made_of_is() {
    let house = House::new(&[("world", "canonical")]);
    house.write("world.ndjson", &[flow("2025-01"), flow("2025-02"), flow("2025-03")].concat().into_bytes());
    let broker = Broker::start("deleted", Brokers::One, Secure::No);
    let settings = on(&broker);
    house.done(&[&set(&settings)[..], &["-q", "topics", "create"]].concat());
    house.done(&[&set(&settings)[..], &["-q", "feed", "world.ndjson", "--feed", "world"]].concat());
    let delete = |topic: &str, partition: i32, before: i64| delete_records(&house, &broker, (topic, partition), before);
    delete("world", 0, 1);
    let mut log = broker.log(&[]);
    let process = serve(&house, &settings, "entrepot-0");
    wait_until("the two that are left", || lag(&mut log) == 0);
    assert_eq!(end(process), Some(0));
    let held: Vec<(i32, i64)> = (0..12).map(|part| (part, log.end_offset(MOVEMENTS, part).unwrap())).collect();
    let (partition, end) = *held.iter().find(|(_, end)| *end > 0).unwrap();
    assert_eq!(by_key(&mut log, MOVEMENTS).values().map(Vec::len).sum::<usize>(), 2);
    delete(MOVEMENTS, partition, end - 1);
    let (code, _, stderr) = house.run(&[&set(&settings)[..], &["run"]].concat());
    assert!(code == 76 && stderr.contains(&format!("{MOVEMENTS}/{partition}")), "{code}: {stderr}");
}

#[test]
fn a_transaction_that_another_left_open_holds_up_its_topic_alone() {
    let house = House::new(&[("world", "canonical"), ("other", "canonical")]);
    let rows: String = (1..=9).map(|month| flow(&format!("2024-0{month}"))).collect();
    house.write("rows.ndjson", rows.as_bytes());
    let broker = Broker::start("foreign", Brokers::One, Secure::No);
    let settings = on(&broker);
    house.done(&[&set(&settings)[..], &["-q", "topics", "create"]].concat());
    let mut foreign = broker.log(&[]);
    let value = Some(b"never committed".to_vec());
    let open = Outgoing { topic: "world".into(), partition: Some(0), key: None, value, headers: Vec::new() };
    foreign.send(open).unwrap();
    let process = serve(&house, &settings, "entrepot-0");
    let mut log = broker.log(&[]);
    // Its message has to be there first.
    wait_until("the open message", || log.end_offset("world", 0).unwrap() == 0 && raw_end(&broker) > 0);
    for feed in ["world", "other"] {
        house.done(&[&set(&settings)[..], &["-q", "feed", "rows.ndjson", "--feed", feed]].concat());
    }
    let mut left = |feed: &str| log.lag("entrepot.ingest", &[feed.to_owned()]).unwrap();
    wait_until("the other topic", || left("other") == 0);
    assert!(left("world") > 0, "what stands behind an open transaction was read");
    // The broker ends it when its time is over, and nothing of it counts.
    drop(foreign);
    wait_until("its end", || left("world") == 0);
    wait_until("both stages", || log.lag("entrepot.assess", &[MOVEMENTS.to_owned()]).unwrap() == 0);
    assert_eq!(end(process), Some(0));
    broker.audit(&["world", "other"], 0);
}

#[test]
fn header_keys_that_are_no_text_go_through_to_a_dead_letter() {
    let house = House::new(&[("world", "canonical")]);
    let mut config = std::fs::read_to_string(house.path("entrepot.toml")).unwrap();
    // What stands on the broker's disk can be looked at then.
    config += "[log.kafka.properties]\n\"compression.type\" = \"none\"\n";
    house.write("entrepot.toml", config.as_bytes());
    let broker = Broker::start("headers", Brokers::One, Secure::No);
    let settings = on(&broker);
    house.done(&[&set(&settings)[..], &["-q", "topics", "create"]].concat());
    let mut log = broker.log(&[("compression.type", "none")]);
    // A header as it stands on disk: the sizes of key and value, zigzag, before each.
    let on_disk = b"\x14\xff\xfe\xc3(\x80 key\xf5\x0c\x00\xffvalu".to_vec();
    let key = log_key(&on_disk[1..11]);
    let header = |key: &str, value: &[u8]| Header { key: key.to_owned(), value: value.to_vec() };
    let headers = vec![header("plain", b"1"), header(&key, &on_disk[12..]), header("plain", b"2")];
    let raw = |value: &[u8]| Outgoing {
        topic: "world".into(),
        partition: Some(0),
        key: Some(b"\x00\xff".to_vec()),
        value: Some(value.to_vec()),
        headers: headers.clone(),
    };
    log.send(raw(b"bad \xff row")).unwrap();
    log.send(raw(flow("2024-01").as_bytes())).unwrap();
    log.commit(&NextOffsets::new()).unwrap();
    let process = serve(&house, &settings, "entrepot-0");
    wait_until("both", || lag(&mut log) == 0);
    assert_eq!(end(process), Some(0), "{}", crate::served::said(&house, "entrepot-0"));
    let letters = messages(&mut log, DEAD_LETTERS);
    let [letter] = &letters[..] else { panic!("{letters:?}") };
    assert_eq!((letter.value.as_deref(), letter.key.as_deref()), (Some(&b"bad \xff row"[..]), Some(&b"\x00\xff"[..])));
    assert_eq!(letter.headers[..3], headers);
    assert_eq!(messages(&mut log, MOVEMENTS).len(), 1, "a good record is taken, whatever its headers");
    let times = |topic: &str| on_disk_of(&broker, topic).windows(on_disk.len()).filter(|bytes| *bytes == on_disk).count();
    assert_eq!((times("world-0"), times("entrepot.dead-letters-")), (2, 1));
}

/// A key of a header as the log has it as text: bytes that are no text are characters of the last plane.
fn log_key(bytes: &[u8]) -> String {
    let of_byte =
        |byte: &u8| if byte.is_ascii() { char::from(*byte) } else { char::from_u32(0x10_ff00 + u32::from(*byte)).unwrap() };
    bytes.iter().map(of_byte).collect()
}

/// The bytes of a topic's partitions as the broker keeps them.
fn on_disk_of(broker: &Broker, topic: &str) -> Vec<u8> {
    let folders = std::fs::read_dir(broker.folder().join("1.data")).unwrap().map(|entry| entry.unwrap());
    let folders = folders.filter(|entry| entry.file_name().to_str().unwrap().starts_with(topic));
    let files = folders.flat_map(|entry| std::fs::read_dir(entry.path()).unwrap().map(|file| file.unwrap().path()));
    let segments = files.filter(|file| file.extension().is_some_and(|extension| extension == "log"));
    segments.flat_map(|file| std::fs::read(file).unwrap()).collect()
}

/// The end of `world`, open transactions counted.
fn raw_end(broker: &Broker) -> i64 {
    let said = broker.run("GetOffsetShell", &["--topic", "world"]);
    said.trim().rsplit(':').next().unwrap().parse().unwrap()
}
