//! What the embedded log and its service let go: by age, by a later message of the same key. Offsets stay.

use std::sync::atomic::AtomicBool;
use std::time::Duration;

use entrepot::domain::Timestamp;
use entrepot::stream::embedded::{EmbeddedLog, Share};
use entrepot::stream::{Event, Log, NextOffsets, Outgoing, Policy, TopicPlan};

use crate::embedded::{log, outgoing, read, values};
use crate::service::{MOVEMENTS, RAW, begin, catch_up, make_log, raw, read_all, service_settings};
use crate::support::ingest;

/// Removes from topic `t` what its policy lets go once its messages are so many days old; how many that were.
fn let_go(log: &mut EmbeddedLog, policy: Policy, days: i64) -> u64 {
    let newest = read(log, "t", 0).last().and_then(|message| message.timestamp).expect("there is a message");
    // A minute more: what was appended a moment before is as old.
    let now = Timestamp::from_millisecond(newest.as_millisecond() + days * 86_400_000 + 60_000).unwrap();
    let topic = TopicPlan { name: "t".to_owned(), partitions: 1, policy, holds: "" };
    log.let_go(&topic, now, &AtomicBool::new(false)).unwrap()
}

/// A log whose topic `t` holds more messages than go in one step: two keys in turns, values from 0.
fn filled(messages: usize) -> (tempfile::TempDir, EmbeddedLog) {
    let (folder, mut log) = log("t", 1);
    for value in 0..messages {
        log.send(outgoing("t", ["a", "b"][value % 2], &value.to_string())).unwrap();
    }
    log.commit(&NextOffsets::new()).unwrap();
    (folder, log)
}

#[test]
fn messages_go_at_their_age_and_offsets_stay() {
    let (_folder, mut log) = filled(2_500);
    let first = read(&mut log, "t", 0)[0].timestamp.unwrap();
    for (policy, days) in [(Policy::Days(30), 29), (Policy::Forever, 10_000), (Policy::Theirs, 10_000)] {
        assert_eq!(let_go(&mut log, policy, days), 0, "{policy} {days}");
    }
    assert_eq!(let_go(&mut log, Policy::Days(30), 30), 2_500);
    assert_eq!(read(&mut log, "t", 0), []);
    log.send(outgoing("t", "a", "next")).unwrap();
    log.commit(&NextOffsets::new()).unwrap();
    // Whoever begins at the start, by offset or by time, finds what is left.
    assert_eq!(read(&mut log, "t", 0)[0].position.to_string(), "t/0/2500");
    let from = log.offset_at("t", 0, first).unwrap();
    assert!((0..=2_500).contains(&from), "{from}");
    log.subscribe("g", &["t".to_owned()], Share::WHOLE).unwrap();
    log.seek("t", 0, 0).unwrap();
    let heard = (0..9).find_map(|_| match log.poll(Duration::ZERO).unwrap() {
        Event::Message(message) => Some(message.position.offset),
        _ => None,
    });
    assert_eq!(heard, Some(2_500));
}

#[test]
fn of_each_key_the_last_message_stays_and_history_for_its_time() {
    let (_folder, mut log) = filled(2_501);
    assert_eq!(let_go(&mut log, Policy::Compacted(400), 399), 0);
    assert_eq!(let_go(&mut log, Policy::Compacted(400), 400), 2_499);
    assert_eq!(values(&read(&mut log, "t", 0)), ["2499", "2500"]);
    assert_eq!(let_go(&mut log, Policy::Compacted(0), 400), 0, "there is no later one of their keys");
    log.send(outgoing("t", "b", "new")).unwrap();
    log.commit(&NextOffsets::new()).unwrap();
    assert_eq!(values(&log.with_key("t", b"b").unwrap()), ["2499", "new"]);
    assert_eq!(let_go(&mut log, Policy::Compacted(0), 0), 1);
    assert_eq!(values(&read(&mut log, "t", 0)), ["2500", "new"]);
}

#[test]
fn an_instant_is_found_where_messages_before_it_are_gone() {
    let (_folder, mut log) = filled(10);
    assert_eq!(let_go(&mut log, Policy::Compacted(1), 1), 8);
    std::thread::sleep(Duration::from_millis(5));
    log.send(outgoing("t", "c", "later")).unwrap();
    log.commit(&NextOffsets::new()).unwrap();
    let messages = read(&mut log, "t", 0);
    let (before, later) = (messages[1].timestamp.unwrap(), messages[2].timestamp.unwrap());
    assert!(before < later);
    assert_eq!(log.offset_at("t", 0, later).unwrap(), 10);
    let after = Timestamp::from_millisecond(later.as_millisecond() + 1).unwrap();
    assert_eq!(log.offset_at("t", 0, after).unwrap(), 11);
}

#[test]
fn a_service_lets_old_messages_go_as_their_topic_says() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log.db");
    let mut log = make_log(&path);
    for topic in ["entrepot.dead-letters", MOVEMENTS] {
        log.send(Outgoing { topic: topic.into(), ..raw("k", "old") }).unwrap();
    }
    log.commit(&NextOffsets::new()).unwrap();
    let plan = |name: &str, policy| TopicPlan { name: name.to_owned(), partitions: 4, policy, holds: "" };
    let mut settings = service_settings();
    settings.stages = vec![ingest(RAW)];
    settings.retention = vec![plan("entrepot.dead-letters", Policy::Days(30)), plan(MOVEMENTS, Policy::Forever)];
    let in_a_month = (settings.clock.today)().checked_add(jiff::Span::new().days(32)).unwrap();
    settings.clock.today = std::sync::Arc::new(move || in_a_month);
    let now = settings.clock.now.clone();
    let running = begin(&path, settings).unwrap();
    let until_gone = now() + Duration::from_secs(30);
    while !read_all(&mut log, "entrepot.dead-letters").is_empty() {
        assert!(now() < until_gone, "old dead letters are still there");
        std::thread::sleep(Duration::from_millis(5));
    }
    running.wait(std::future::ready(())).unwrap();
    assert_eq!(read_all(&mut log, MOVEMENTS).len(), 1);
}

/// As SQLite leaves it, whatever the service's threads hold.
#[test]
fn an_orderly_end_leaves_one_file_that_holds_everything() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log.db");
    drop(make_log(&path));
    let mut settings = service_settings();
    let plan = TopicPlan { name: MOVEMENTS.to_owned(), partitions: 4, policy: Policy::Compacted(400), holds: "" };
    settings.retention = vec![plan];
    let serve = |values: std::ops::Range<u32>| {
        let mut running = begin(&path, settings.clone()).unwrap();
        values.for_each(|value| running.log().send(raw("a", &format!("a{value}"))).unwrap());
        running.log().commit(&NextOffsets::new()).unwrap();
        catch_up(&mut running);
        running.wait(std::future::ready(())).unwrap();
    };
    serve(0..20);
    let names: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|file| file.unwrap().file_name()).collect();
    assert_eq!(names, ["log.db"]);
    // Who reads meanwhile keeps the other files there, but nothing in them.
    let reader = EmbeddedLog::open(&path).unwrap();
    serve(20..40);
    let copy = folder.path().join("copy.db");
    std::fs::copy(&path, &copy).unwrap();
    drop(reader);
    let mut copy = EmbeddedLog::open(&copy).unwrap();
    assert_eq!((read_all(&mut copy, RAW).len(), read_all(&mut copy, MOVEMENTS).len()), (40, 40));
}
