//! SIGKILL at random moments: a service and a feed are killed again and again, and the outputs are those of an undisturbed run.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use entrepot::stream::embedded::{EmbeddedLog, FeedProgress};
use entrepot::stream::{Commit, Log, NextOffsets};

use super::service::{MOVEMENTS, OURS, RAW, begin, catch_up, make_log, raw, read_all, service_settings};
use crate::support::Chance;

/// Where a child finds its log. Without it the lives below are tests of their own.
const LOG: &str = "ENTREPOT_TEST_LOG";
/// How many rows the feed of a life may send before it waits for its end; all, where nothing is said.
const LIMIT: &str = "ENTREPOT_TEST_ROWS";
const ROWS: u64 = 3_000;
const LIVES: u64 = 55;

#[test]
fn a_life_of_the_feed() {
    in_a_log(|path| {
        let mut log = EmbeddedLog::open(path).unwrap();
        let mut progress = log.progress("test-feed", "file").unwrap().unwrap_or(FeedProgress {
            feed: "test-feed".to_owned(),
            file: "file".to_owned(),
            bytes: 0,
            rows: 0,
            done: false,
            digest: None,
        });
        let limit = std::env::var_os(LIMIT).map_or(ROWS, |rows| rows.to_str().unwrap().parse().unwrap());
        while progress.rows < ROWS {
            if progress.rows >= limit {
                // A life that is to end here waits for the signal.
                loop {
                    log.poll(Duration::from_millis(50)).unwrap();
                }
            }
            for row in progress.rows..(progress.rows + 5).min(ROWS) {
                // The key of the movement is a letter of the row's, and so is that of the raw message: order holds by key.
                let word = ["a", "b", "skip", "bad", "c", "d"][(row % 6) as usize];
                log.send(raw(&word[..1], &format!("{word}{row}"))).unwrap();
            }
            progress.rows = (progress.rows + 5).min(ROWS);
            progress.done = progress.rows == ROWS;
            assert_eq!(log.commit_with(&NextOffsets::new(), Some(&progress)).unwrap(), Commit::Committed);
        }
        assert_eq!(read_all(&mut log, RAW).len() as u64, ROWS);
    });
}

#[test]
fn a_life_of_the_service() {
    in_a_log(|path| {
        let mut running = begin(path, service_settings()).unwrap();
        if std::env::var_os(LOG).is_none() {
            running.log().send(raw("a", "a")).unwrap();
            running.log().commit(&NextOffsets::new()).unwrap();
        }
        loop {
            catch_up(&mut running);
            let progress = running.log().progress("test-feed", "file").unwrap();
            if std::env::var_os(LOG).is_none() || progress.is_some_and(|progress| progress.done) {
                break;
            }
        }
        catch_up(&mut running);
        assert!(!read_all(running.log(), MOVEMENTS).is_empty());
        running.wait(async {}).unwrap();
    });
}

#[test]
fn fifty_kills_of_service_and_feed_leave_the_outputs_as_they_are() {
    let folder = tempfile::tempdir().unwrap();
    let (calm, rough) = (folder.path().join("calm.db"), folder.path().join("rough.db"));
    let mut calm_log = make_log(&calm);
    for life in ["a_life_of_the_feed", "a_life_of_the_service"] {
        assert!(child(life, (&calm, ROWS)).0.wait().unwrap().success(), "{life}");
    }
    let mut rough_log = make_log(&rough);
    let mut chance = Chance(7);
    for life in 1..=LIVES {
        let limit = life * 50;
        let mut children = ["a_life_of_the_feed", "a_life_of_the_service"].map(|life| child(life, (&rough, limit)));
        let goal = (done(&rough_log) + chance.below(45)).min(limit);
        while done(&rough_log) < goal {
            rough_log.poll(Duration::from_micros(chance.below(2_000))).unwrap();
            let ended = children.each_mut().map(|child| child.0.try_wait().unwrap());
            assert_eq!(ended, [None, None], "nobody ends of itself before all rows are sent");
        }
        for child in &mut children {
            // SIGKILL, by number; reaped, so that the next one finds its process gone.
            child.0.kill().unwrap();
            assert!(!child.0.wait().unwrap().success());
        }
    }
    assert!(done(&rough_log) < ROWS);
    for life in ["a_life_of_the_feed", "a_life_of_the_service"] {
        assert!(child(life, (&rough, ROWS)).0.wait().unwrap().success(), "{life}");
    }
    for topic in OURS.iter().chain([&RAW]) {
        assert_eq!(by_key(&mut rough_log, topic), by_key(&mut calm_log, topic), "{topic}");
    }
    let check = rough_log.lag("entrepot.assess", &[MOVEMENTS.to_owned()]).unwrap();
    assert_eq!(check, 0);
}

/// Messages of the raw topic that ingest has committed.
fn done(log: &EmbeddedLog) -> u64 {
    log.positions("entrepot.ingest").unwrap().values().map(|offset| offset.unsigned_abs()).sum()
}

/// Values by partition and key.
type Keyed = BTreeMap<(i32, Option<Vec<u8>>), Vec<Option<Vec<u8>>>>;

/// Keys and values of a topic, in order within each key; dead letters of one partition keep their order too.
fn by_key(log: &mut EmbeddedLog, topic: &str) -> Keyed {
    let mut keyed: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for message in read_all(log, topic) {
        keyed.entry((message.position.partition, message.key)).or_default().push(message.value);
    }
    keyed
}

/// A process that does not outlive its test, however that ends.
struct Life(Child);

impl Drop for Life {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// Runs one of the lives above in a process of its own.
fn child(life: &str, (log, rows): (&Path, u64)) -> Life {
    let child = Command::new(std::env::current_exe().unwrap())
        .args([&format!("kill::{life}"), "--exact", "--nocapture"])
        .env(LOG, log)
        .env(LIMIT, rows.to_string())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    Life(child)
}

/// The parent's log, or a fresh one.
fn in_a_log(life: impl Fn(&Path)) {
    match std::env::var_os(LOG) {
        Some(path) => life(&PathBuf::from(path)),
        None => {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("log.db");
            make_log(&path);
            life(&path);
        }
    }
}
