//! The embedded log by itself: transactions, positions, leases, several handles, what it refuses.

use std::path::Path;
use std::time::Duration;

use entrepot::domain::{Header, Message, Partition, Position};
use entrepot::stream::embedded::{Artifact, EmbeddedLog, FeedProgress, Share};
use entrepot::stream::{Commit, Event, Log, LogError, NextOffsets, Outgoing, Range, write_ticks};

pub(crate) fn outgoing(topic: &str, key: &str, value: &str) -> Outgoing {
    Outgoing {
        topic: topic.into(),
        partition: None,
        key: Some(key.as_bytes().to_vec()),
        value: Some(value.as_bytes().to_vec()),
        headers: vec![Header { key: "h".to_owned(), value: vec![0, 255, b'\n'] }],
    }
}

/// A fresh log with one topic, and its folder.
pub(crate) fn log(topic: &str, partitions: Partition) -> (tempfile::TempDir, EmbeddedLog) {
    let folder = tempfile::tempdir().unwrap();
    let mut log = EmbeddedLog::create(&folder.path().join("var/log.db")).unwrap();
    log.create_topic(topic, partitions).unwrap();
    (folder, log)
}

pub(crate) fn read(log: &mut EmbeddedLog, topic: &str, partition: Partition) -> Vec<Message> {
    let range = Range { topic: topic.to_owned(), partition, from: 0, until: None };
    log.range(&range).unwrap().collect::<Result<_, _>>().unwrap()
}

pub(crate) fn values(messages: &[Message]) -> Vec<String> {
    messages.iter().map(|message| String::from_utf8(message.value.clone().unwrap()).unwrap()).collect()
}

/// The error's exit code, and that its words name this.
fn check<T>(result: Result<T, LogError>, code: u8, named: &str) {
    let error = result.err().expect("refused");
    assert_eq!(error.exit_code(), code, "{error}");
    assert!(error.to_string().contains(named), "{error} should name {named}");
}

#[test]
fn a_batch_is_there_whole_or_not_at_all() {
    let (_folder, mut log) = log("t", 1);
    let mut reader = log.another().unwrap();
    for value in ["1", "2"] {
        log.send(outgoing("t", "k", value)).unwrap();
    }
    assert_eq!(read(&mut reader, "t", 0), []);
    assert_eq!(log.commit(&NextOffsets::new()).unwrap(), Commit::Committed);
    let messages = read(&mut reader, "t", 0);
    assert_eq!(values(&messages), ["1", "2"]);
    assert_eq!(messages[1].position.to_string(), "t/0/1");
    assert_eq!(messages[1].headers, outgoing("t", "k", "").headers);
    assert!(messages[1].timestamp.is_some());

    // A position that has moved under us takes the outputs and the feed's progress down with it.
    let group = "g";
    for handle in [&mut log, &mut reader] {
        handle.subscribe(group, &["t".to_owned()], Share::WHOLE).unwrap();
    }
    let next = NextOffsets::from([(("t".to_owned(), 0), 1)]);
    assert_eq!(reader.commit(&next).unwrap(), Commit::Committed);
    log.send(outgoing("t", "k", "never")).unwrap();
    let progress = FeedProgress { feed: "f".to_owned(), file: "x".to_owned(), bytes: 1, rows: 1, done: false, digest: None };
    assert!(matches!(log.commit_with(&next, Some(&progress)).unwrap(), Commit::Recycled(..)));
    assert_eq!(values(&read(&mut reader, "t", 0)), ["1", "2"]);
    assert_eq!(log.progress("f", "x").unwrap(), None);
    // And the loop is told where it really stands.
    let told = (0..9).find_map(|_| match log.poll(Duration::ZERO).unwrap() {
        Event::Assigned { committed: 1, end: 2, .. } => Some(true),
        _ => None,
    });
    assert_eq!(told, Some(true));
}

#[test]
fn a_group_goes_on_where_it_stopped_and_leaves_others_alone() {
    let (_folder, mut log) = log("t", 3);
    for index in 0..50 {
        log.send(outgoing("t", &format!("k{index}"), &index.to_string())).unwrap();
    }
    log.commit(&NextOffsets::new()).unwrap();
    let mut seen = Vec::new();
    for life in 1..=10 {
        seen.append(&mut take(&log, "g", 7));
        assert_eq!(log.lag("g", &["t".to_owned()]).unwrap(), 50_u64.saturating_sub(life * 7));
    }
    seen.sort_unstable();
    assert_eq!(seen, (0..50).collect::<Vec<_>>());
    assert_eq!(log.lag("another", &["t".to_owned()]).unwrap(), 50);
}

/// One life of a group: a fresh handle reads that many messages at most, and commits.
fn take(log: &EmbeddedLog, group: &str, at_most: usize) -> Vec<u32> {
    let mut log = EmbeddedLog::open(log.path()).unwrap();
    log.subscribe(group, &["t".to_owned()], Share::WHOLE).unwrap();
    let (mut next, mut seen, mut ends) = (NextOffsets::new(), Vec::new(), 0);
    while ends < 3 && seen.len() < at_most {
        match log.poll(Duration::ZERO).unwrap() {
            Event::Assigned { topic, partition, committed, .. } => log.seek(&topic, partition, committed).unwrap(),
            Event::Message(message) => {
                let Position { topic, partition, offset } = message.position;
                next.insert((topic.to_string(), partition), offset + 1);
                seen.push(String::from_utf8(message.value.unwrap()).unwrap().parse().unwrap());
            }
            Event::EndOfPartition { .. } => ends += 1,
            _ => {}
        }
    }
    log.commit(&next).unwrap();
    seen
}

#[test]
fn shares_cover_every_partition_once() {
    let (_folder, mut log) = log("a", 5);
    log.create_topic("b", 2).unwrap();
    for of in [1, 2, 3, 7, 9] {
        let mut assigned = Vec::new();
        for index in 0..of {
            let mut handle = log.another().unwrap();
            handle.subscribe("g", &["a".to_owned(), "b".to_owned()], Share { index, of }).unwrap();
            while let Event::Assigned { topic, partition, .. } = handle.poll(Duration::ZERO).unwrap() {
                assigned.push((topic.to_string(), partition));
            }
        }
        assigned.sort();
        let all = (0..5).map(|p| ("a".to_owned(), p)).chain((0..2).map(|p| ("b".to_owned(), p)));
        assert_eq!(assigned, all.collect::<Vec<_>>(), "of {of}");
    }
}

#[test]
fn writers_in_two_threads_leave_no_gap_and_no_double() {
    let (folder, mut log) = log("t", 4);
    let path = folder.path().join("var/log.db");
    std::thread::scope(|scope| {
        for writer in 0..4 {
            let path: &Path = &path;
            scope.spawn(move || {
                // A handle of its own opening: nothing is shared but the file, as between processes.
                let mut log = EmbeddedLog::open(path).unwrap();
                for batch in 0..25 {
                    for index in 0..10 {
                        log.send(outgoing("t", &format!("{writer}"), &format!("{}", batch * 10 + index))).unwrap();
                    }
                    assert_eq!(log.commit(&NextOffsets::new()).unwrap(), Commit::Committed);
                }
            });
        }
    });
    let mut total = 0;
    for partition in 0..4 {
        let messages = read(&mut log, "t", partition);
        let offsets: Vec<i64> = messages.iter().map(|message| message.position.offset).collect();
        assert_eq!(offsets, (0..messages.len() as i64).collect::<Vec<_>>());
        total += messages.len();
    }
    assert_eq!(total, 1_000);
    for writer in 0..4 {
        let of_writer = log.with_key("t", writer.to_string().as_bytes()).unwrap();
        assert_eq!(values(&of_writer), (0..250).map(|n| n.to_string()).collect::<Vec<_>>());
    }
}

#[test]
fn a_held_lease_is_refused_with_its_holder_and_a_lost_one_fences() {
    let (_folder, mut log) = log("t", 1);
    let lease = log.lease("run", "first").unwrap();
    let mut second = EmbeddedLog::open(log.path()).unwrap();
    check(second.lease("run", "second").map(drop), 75, "first");
    lease.beat().unwrap();

    // The machine slept; our heartbeat is long past, and another takes over.
    let outside = edit_outside(log.path(), "UPDATE lease SET heartbeat_ms = 0");
    assert!(outside);
    let taken = second.lease("run", "second").unwrap();
    assert_eq!(second.lease_holder("run").unwrap().unwrap().instance, "second");
    log.send(outgoing("t", "k", "zombie")).unwrap();
    check(log.commit(&NextOffsets::new()), 75, "second");
    check(lease.beat(), 75, "second");
    drop(lease);
    taken.beat().unwrap();
    assert_eq!(read(&mut second, "t", 0), []);
    drop(taken);
    assert_eq!(second.lease_holder("run").unwrap(), None);
    log.lease("run", "first again").map(drop).unwrap();
}

#[test]
fn a_lease_that_was_taken_and_given_back_says_so() {
    let (_folder, mut log) = log("t", 1);
    let lease = log.lease("run", "first").unwrap();
    assert!(edit_outside(log.path(), "UPDATE lease SET heartbeat_ms = 0"));
    EmbeddedLog::open(log.path()).unwrap().lease("run", "second").map(drop).unwrap();
    check(lease.beat(), 75, "another process had it meanwhile");
}

#[test]
fn a_file_that_is_removed_or_replaced_under_its_holder_is_noticed() {
    let (folder, mut log) = log("t", 1);
    let lease = log.lease("run", "first").unwrap();
    let (path, aside) = (log.path().to_owned(), folder.path().join("aside.db"));
    lease.beat().unwrap();
    std::fs::rename(&path, &aside).unwrap();
    check(lease.beat(), 76, "was removed or replaced under a running service");
    drop(EmbeddedLog::create(&path).unwrap());
    check(lease.beat(), 76, "was removed or replaced under a running service");
}

/// Edits the file as any other program could.
fn edit_outside(path: &Path, sql: &str) -> bool {
    rusqlite::Connection::open(path).unwrap().execute(sql, []).is_ok()
}

#[test]
fn what_would_be_unsafe_is_refused() {
    let (folder, mut log) = log("t", 3);
    check(EmbeddedLog::open(&folder.path().join("none.db")), 69, "none.db");
    std::fs::write(folder.path().join("text.db"), "this is no log, but long enough to be looked at".repeat(99)).unwrap();
    check(EmbeddedLog::open(&folder.path().join("text.db")), 69, "text.db");
    assert!(!log.create_topic("t", 3).unwrap());
    check(log.create_topic("t", 4), 76, "3 partitions");
    check(log.end_offset("u", 0), 66, "\"u\"");
    check(log.end_offset("t", 3), 66, "3 partitions");
    log.bind_family_map("sha256:aa").unwrap();
    log.bind_family_map("sha256:aa").unwrap();
    check(log.bind_family_map("sha256:bb"), 76, "sha256:aa");
    assert!(edit_outside(log.path(), "INSERT INTO positions VALUES ('g', 't', 0, 9, 0)"));
    check(
        log.subscribe("g", &["t".to_owned()], Share::WHOLE),
        76,
        "9 is committed: the file was changed by other hands; put a copy of it back",
    );
    assert!(edit_outside(log.path(), "UPDATE meta SET value = '99' WHERE key = 'format'"));
    check(EmbeddedLog::open(log.path()), 76, "99");
}

#[test]
fn ranges_are_bounded_and_instants_find_their_offset() {
    let (_folder, mut log) = log("t", 1);
    for index in 0..2_500 {
        log.send(outgoing("t", "k", &index.to_string())).unwrap();
    }
    log.commit(&NextOffsets::new()).unwrap();
    let range = |from, until| Range { topic: "t".to_owned(), partition: 0, from, until };
    let count = |log: &mut EmbeddedLog, from, until| log.range(&range(from, until)).unwrap().count();
    assert_eq!(count(&mut log, 0, None), 2_500);
    assert_eq!(count(&mut log, 990, Some(2_010)), 1_020);
    assert_eq!(count(&mut log, 2_499, Some(9_999)), 1);
    assert_eq!(count(&mut log, 7, Some(7)), 0);
    let at = log.message(&Position { topic: "t".into(), partition: 0, offset: 1_234 }).unwrap().unwrap();
    assert_eq!(at.value.unwrap(), b"1234");
    assert_eq!(log.offset_at("t", 0, at.timestamp.unwrap()).unwrap(), 0);
    assert_eq!(log.offset_at("t", 0, entrepot::domain::Timestamp::MAX).unwrap(), 2_500);
}

#[test]
fn what_is_kept_beside_the_log_comes_back() {
    let (_folder, mut log) = log("t", 1);
    let artifact = Artifact { hash: "sha256:1".to_owned(), kind: "model".to_owned(), content: vec![0, 1, 255] };
    log.keep(&artifact).unwrap();
    log.keep(&artifact).unwrap();
    assert_eq!(log.artifact("sha256:1").unwrap(), Some(artifact));
    assert_eq!(log.artifact("sha256:2").unwrap(), None);
    let progress =
        FeedProgress { feed: "f".to_owned(), file: "x".to_owned(), bytes: 10, rows: 2, done: true, digest: Some("d".to_owned()) };
    log.send(outgoing("t", "k", "row")).unwrap();
    log.commit_with(&NextOffsets::new(), Some(&progress)).unwrap();
    assert_eq!(log.progress("f", "x").unwrap(), Some(progress));
}

#[test]
fn a_tick_goes_to_every_partition() {
    let (_folder, mut log) = log("entrepot.movements", 12);
    write_ticks(&mut log, "entrepot.movements", "2025-04-04".parse().unwrap()).unwrap();
    for partition in 0..12 {
        let ticks = read(&mut log, "entrepot.movements", partition);
        assert_eq!(values(&ticks), ["{\"kind\":\"tick\",\"date\":\"2025-04-04\"}"]);
        assert_eq!(ticks[0].key.as_deref(), Some(b"tick".as_slice()));
    }
    check(write_ticks(&mut log, "movements", "2025-04-04".parse().unwrap()), 66, "movements");
}

#[test]
fn a_log_of_an_earlier_build_gets_what_it_lacks() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log.db");
    let mut progress = FeedProgress { feed: "f".to_owned(), file: "x".to_owned(), bytes: 10, rows: 2, done: true, digest: None };
    EmbeddedLog::create(&path).unwrap().commit_with(&NextOffsets::new(), Some(&progress)).unwrap();
    let connection = rusqlite::Connection::open(&path).unwrap();
    connection.execute_batch("ALTER TABLE feed_progress DROP COLUMN digest").unwrap();
    drop(connection);
    let mut log = EmbeddedLog::open(&path).unwrap();
    assert_eq!(log.progress("f", "x").unwrap(), Some(progress.clone()));
    progress.digest = Some("d".to_owned());
    log.commit_with(&NextOffsets::new(), Some(&progress)).unwrap();
    assert_eq!(EmbeddedLog::open(&path).unwrap().progress("f", "x").unwrap(), Some(progress));
}

/// A log as a kill leaves it, and copies of its file alone by how many messages are in it: of two, of four, of eight. The WAL holds the
/// fifth to the eighth.
fn killed() -> tempfile::TempDir {
    let (folder, mut log) = log("t", 1);
    let path = log.path().to_owned();
    let at = |name: &str| folder.path().join(name);
    let mut holding = |messages: std::ops::Range<u32>| {
        for message in messages {
            log.send(outgoing("t", "k", &message.to_string())).unwrap();
            log.commit(&NextOffsets::new()).unwrap();
        }
    };
    let mut emptier = EmbeddedLog::open(&path).unwrap();
    let mut alone = |name: &str| {
        emptier.close().unwrap();
        std::fs::copy(&path, at(name)).unwrap();
    };
    holding(0..2);
    alone("two.db");
    holding(2..4);
    alone("four.db");
    holding(4..8);
    std::fs::copy(&path, at("killed.db")).unwrap();
    std::fs::copy(path.with_file_name("log.db-wal"), at("killed.db-wal")).unwrap();
    alone("eight.db");
    holding(8..10);
    alone("ten.db");
    folder
}

#[test]
fn a_wal_is_taken_up_by_its_own_file_and_refused_by_a_copy_of_another_day() {
    let held = |path: &Path| values(&read(&mut EmbeddedLog::open(path).unwrap(), "t", 0)).len();
    let put_back = |name: &str| {
        let folder = killed();
        let path = folder.path().join("killed.db");
        if name != "killed.db" {
            std::fs::copy(folder.path().join(name), &path).unwrap();
        }
        (folder, path)
    };
    // As it was left, at the moment in which the WAL began, and with all of the WAL in it.
    for name in ["killed.db", "four.db", "eight.db"] {
        let (_folder, path) = put_back(name);
        assert_eq!(held(&path), 8, "{name}");
    }
    for (name, messages) in [("two.db", 2), ("ten.db", 10)] {
        let (_folder, path) = put_back(name);
        let before = std::fs::read(&path).unwrap();
        check(EmbeddedLog::open(&path), 76, "killed.db-wal");
        check(EmbeddedLog::create(&path), 76, "killed.db-wal");
        assert_eq!(std::fs::read(&path).unwrap(), before);
        std::fs::remove_file(path.with_extension("db-wal")).unwrap();
        assert_eq!(held(&path), messages);
    }
}

#[test]
fn who_opens_a_log_that_others_write_never_takes_their_wal_for_another() {
    let (_folder, mut log) = log("t", 1);
    let path = log.path().to_owned();
    let writer = std::thread::spawn(move || {
        for value in 0..300 {
            log.send(outgoing("t", "k", &value.to_string())).unwrap();
            log.commit(&NextOffsets::new()).unwrap();
            if value % 7 == 0 {
                log.close().unwrap();
            }
        }
    });
    while !writer.is_finished() {
        EmbeddedLog::open(&path).unwrap();
    }
    writer.join().unwrap();
}
