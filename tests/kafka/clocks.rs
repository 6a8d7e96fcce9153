//! Clocks that are off, on a real Apache Kafka: of the machine that the service runs on, and of those that stamp the raw records. What is
//! decided follows from the records alone, and no figure about the service goes astray.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::house::{DEAD_LETTERS, House, MOVEMENTS, Service, VERDICTS, by_key, header, messages, metric, without_offset};
use crate::kafka::{Broker, Brokers, Secure, wait_until};
use crate::served::{lag, on, set};
use entrepot::stream::kafka::KafkaLog;
use entrepot::stream::write_ticks;
use jiff::{SignedDuration, Timestamp};
use rdkafka::ClientConfig;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};

/// The day after the last record.
const CLOSING: &str = "2026-01-01";
/// 2099-06-01, in milliseconds.
const FAR: i64 = 4_083_955_200_000;
/// A record that does not say when it became known.
const UNDATED: &str =
    r#"{"kind":"trade_flow","reporter":"US","partner":"TH","flow":"import","period":"2025-05","hs":"282580","net_mass_kg":1}"#;

/// Records in two halves, and what an embedded log makes of them with the clock of this machine.
fn calm() -> (House, [String; 2]) {
    let house = House::new(&[("world", "canonical")]);
    let simulate = ["-q", "simulate", "--seed", "9", "--out", "simulated", "--from", "2023-01", "--until", "2025-06"];
    house.done(&[&simulate[..], &["--records", "400", "--scheme", "relabel"]].concat());
    let text = std::fs::read_to_string(house.path("simulated/records.ndjson")).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let halves = [&lines[..lines.len() / 2], &lines[lines.len() / 2..]].map(|lines| lines.join("\n") + "\n");
    house.write("world.ndjson", text.as_bytes());
    house.feed(&house.path("world.ndjson"), "world");
    house.serve_to_the_end((&[], &[]), CLOSING);
    (house, halves)
}

/// All values of every key are the same, byte by byte.
#[track_caller]
fn check_all_values(log: &mut KafkaLog, calm: &House) {
    let mut calm = calm.log();
    let mut count = 0;
    for topic in VERDICTS {
        let all = |values: &[Vec<u8>]| values.iter().map(|value| without_offset(value)).collect::<Vec<_>>();
        let (found, wanted) = (by_key(log, topic), by_key(&mut calm, topic));
        assert_eq!(found.keys().collect::<Vec<_>>(), wanted.keys().collect::<Vec<_>>(), "keys of {topic}");
        for (key, values) in &wanted {
            assert_eq!(all(&found[key]), all(values), "{topic}");
            count += values.len();
        }
    }
    assert!(count > 100, "{count} values are too few to tell anything");
}

#[track_caller]
fn catch_up(service: &mut Service, log: &mut KafkaLog) {
    let until = Instant::now() + Duration::from_secs(90);
    while lag(log) > 0 {
        assert!(service.is_alive() && Instant::now() < until, "{} are left: {}", lag(log), service.errors());
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Ready, and nothing that would wake anybody.
#[track_caller]
fn check_figures(service: &mut Service) {
    let mut page = String::new();
    wait_until("the figures of a service that has caught up", || {
        page = service.get("/metrics");
        metric(&page, "entrepot_consumer_lag_records", &[]) == 0 && service.answers("/readyz") && service.answers("/healthz")
    });
    for line in page.lines().filter(|line| line.starts_with("entrepot_consumer_lag_seconds{")) {
        assert!(line.ends_with(" 0"), "{line}");
    }
    assert!(metric(&page, "entrepot_records_consumed_total", &["stage=\"assess\""]) > 0, "{page}");
    assert_eq!(metric(&page, "entrepot_transactions_total", &["outcome=\"recycled\""]), 0, "{page}");
}

/// The library that shows a process another time, made from its source. libfaketime would not do: it leaves out the waits of C11 that
/// librdkafka makes, which are two hours too long then.
fn skew(house: &House) -> PathBuf {
    let library = house.path("skew.so");
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/kafka/skew.c");
    let status =
        Command::new("cc").args(["-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o"]).arg(&library).arg(source).status();
    assert!(status.expect("a C compiler, as librdkafka needs one").success());
    library
}

/// Sets the clock ahead of this machine's. In place: the file is never shorter than the number in it.
fn set_clock(house: &House, hours: i64) {
    let mut file = OpenOptions::new().write(true).create(true).truncate(false).open(house.path("clock")).unwrap();
    file.write_all(&(hours * 3_600).to_ne_bytes()).unwrap();
}

/// The instants of what a service said, in order.
fn instants(house: &House) -> Vec<Timestamp> {
    let said = std::fs::read_to_string(house.path("run.log")).unwrap();
    let stamps = said.lines().filter_map(|line| line.split_once("\"timestamp\":\"")?.1.split('"').next());
    stamps.map(|stamp| stamp.parse().unwrap()).collect()
}

#[test]
fn a_host_clock_two_hours_ahead_then_two_behind_changes_no_byte() {
    let (calm, halves) = calm();
    let house = House::new(&[("world", "canonical")]);
    let broker = Broker::start("skew", Brokers::One, Secure::No);
    let settings = on(&broker);
    house.done(&[&set(&settings)[..], &["-q", "topics", "create"]].concat());
    set_clock(&house, 2);
    let (library, clock) = (skew(&house), house.path("clock"));
    let environment = [("LD_PRELOAD", library.to_str().unwrap()), ("SKEW_FILE", clock.to_str().unwrap())];
    let own: Vec<&str> = settings.iter().map(String::as_str).collect();
    let mut service = house.serve((&own, &environment));
    let mut log = broker.log(&[]);
    for (index, half) in halves.iter().enumerate() {
        let file = format!("{index}.ndjson");
        house.write(&file, half.as_bytes());
        house.done(&[&set(&settings)[..], &["-q", "feed", &file, "--feed", "world"]].concat());
        catch_up(&mut service, &mut log);
        check_figures(&mut service);
        if index == 0 {
            set_clock(&house, -2);
        }
    }
    write_ticks(&mut log, MOVEMENTS, CLOSING.parse().unwrap()).unwrap();
    catch_up(&mut service, &mut log);
    check_figures(&mut service);
    service.end();
    // What it said carries its own time: both clocks were at work.
    let (said, now, hour) = (instants(&house), Timestamp::now(), SignedDuration::from_hours(1));
    assert!(said[0] > now + hour && said[said.len() - 1] < now - hour, "{now}: {said:?}");
    check_all_values(&mut log, &calm);
    broker.audit(&["world"], 0);
}

#[test]
fn records_stamped_in_2099_and_in_1970_move_no_clock_and_no_gauge() {
    let (calm, halves) = calm();
    let house = House::new(&[("world", "canonical")]);
    let broker = Broker::start("stamps", Brokers::One, Secure::No);
    let any = i64::MAX.to_string();
    broker.run(
        "org.apache.kafka.tools.TopicCommand",
        &[
            "--create",
            "--topic",
            "world",
            "--partitions",
            "1",
            "--config",
            "message.timestamp.type=CreateTime",
            "--config",
            &format!("message.timestamp.after.max.ms={any}"),
        ],
    );
    let settings = on(&broker);
    house.done(&[&set(&settings)[..], &["-q", "topics", "create"]].concat());
    let own: Vec<&str> = settings.iter().map(String::as_str).collect();
    let mut service = house.serve((&own, &[]));
    let mut log = broker.log(&[]);
    let producer: BaseProducer = ClientConfig::new().set("bootstrap.servers", broker.bootstrap()).create().unwrap();
    let send = |row: &str, stamp: i64| {
        let record = BaseRecord::<[u8], str>::to("world").partition(0).payload(row).timestamp(stamp);
        producer.send(record).unwrap();
    };
    halves[0].lines().for_each(|row| send(row, FAR));
    producer.flush(Duration::from_secs(60)).unwrap();
    catch_up(&mut service, &mut log);
    check_figures(&mut service);
    // To a writer whose clock stands at 1970 all of this is far ahead: what is known cannot have been known then.
    halves[1].lines().take(5).for_each(|row| send(row, 1));
    halves[1].lines().for_each(|row| send(row, FAR));
    // Of this one nothing but its stamp says when it became known, and nobody can know it yet.
    send(UNDATED, FAR);
    producer.flush(Duration::from_secs(60)).unwrap();
    catch_up(&mut service, &mut log);
    check_figures(&mut service);
    write_ticks(&mut log, MOVEMENTS, CLOSING.parse().unwrap()).unwrap();
    catch_up(&mut service, &mut log);
    check_figures(&mut service);
    service.end();
    let letters = messages(&mut log, DEAD_LETTERS);
    let told: Vec<_> = letters.iter().map(|letter| (header(letter, "dlq.reason"), header(letter, "dlq.timestamp"))).collect();
    let of = |stamp: &str| ("known_from_in_future".to_owned(), stamp.to_owned());
    assert_eq!(told, [vec![of("1970-01-01T00:00:00.001Z"); 5], vec![of("2099-06-01T00:00:00Z")]].concat());
    check_all_values(&mut log, &calm);
    broker.audit(&["world"], 0);
}
