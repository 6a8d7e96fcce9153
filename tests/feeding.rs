//! `feed` over time: a watched folder, a rate, kills in between. Every row is there once, in its order.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that finds something else than it expects stops there")]

#[path = "support/house.rs"]
mod house;

use std::process::{Child, Stdio};

use house::{House, messages, pause};

/// A running `feed`, which a failing test does not leave behind.
struct Feeding(Child);

impl Feeding {
    fn start(house: &House, arguments: &[&str]) -> Feeding {
        let mut command = house.command(&[&["-q", "feed"], arguments].concat());
        Feeding(command.stdout(Stdio::null()).spawn().unwrap())
    }

    #[track_caller]
    fn assert_alive(&mut self) {
        assert!(self.0.try_wait().unwrap().is_none(), "the feed ended by itself");
    }
}

impl Drop for Feeding {
    /// SIGKILL, which nothing can catch.
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// Row by row what stands in the raw topic.
fn raw(house: &House) -> Vec<String> {
    messages(&mut house.log(), "inbox").into_iter().map(|message| String::from_utf8(message.value.unwrap()).unwrap()).collect()
}

fn rows(file: &str, count: usize) -> Vec<String> {
    (0..count).map(|row| format!("{{\"file\":\"{file}\",\"row\":{row}}}")).collect()
}

/// Puts a file there as a careful sender does: whole, under its name from the first moment on.
fn arrive(house: &House, file: &str, rows: &[String]) {
    let hidden = house.write(&format!("inbox/.{file}"), (rows.join("\n") + "\n").as_bytes());
    std::fs::rename(hidden, house.path(&format!("inbox/{file}"))).unwrap();
}

/// Waits until at least so many rows are there.
#[track_caller]
fn await_rows(house: &House, feeding: &mut Feeding, count: usize) {
    let mut log = house.log();
    while messages(&mut log, "inbox").len() < count {
        feeding.assert_alive();
        pause(&mut log);
    }
}

fn house() -> House {
    let house = House::new(&[("inbox", "canonical")]);
    std::fs::create_dir(house.path("inbox")).unwrap();
    house.done(&["-q", "topics", "create"]);
    house
}

#[test]
fn a_watched_folder_is_fed_once_whatever_arrives_and_however_often_it_is_killed() {
    let house = house();
    let watch = ["inbox", "--feed", "inbox", "--watch"];
    let (first, second, third) = (rows("b", 3), rows("a", 300), rows("c", 2));
    let mut feeding = Feeding::start(&house, &watch);
    arrive(&house, "b.ndjson", &first);
    await_rows(&house, &mut feeding, 3);
    drop(feeding);

    // Killed in the middle of a file, which it takes row by row at that rate.
    let mut feeding = Feeding::start(&house, &[&watch[..], &["--rate", "3"]].concat());
    arrive(&house, "a.ndjson", &second);
    await_rows(&house, &mut feeding, 3 + 2);
    drop(feeding);
    let there = raw(&house).len();
    assert!((5..303).contains(&there), "{there} rows when it was killed");

    // Files are looked at by name: once the last is there, those before it have had their turn.
    let mut feeding = Feeding::start(&house, &watch);
    arrive(&house, "c.ndjson", &third);
    await_rows(&house, &mut feeding, 3 + 300 + 2);
    assert_eq!(raw(&house), [&first[..], &second, &third].concat());
    // A file that grows is taken up where it ended; one that goes away ends nothing.
    std::fs::remove_file(house.path("inbox/b.ndjson")).unwrap();
    let grown = rows("c", 4);
    arrive(&house, "c.ndjson", &grown);
    await_rows(&house, &mut feeding, 3 + 300 + 4);
    feeding.assert_alive();
    assert_eq!(raw(&house), [&first[..], &second, &grown].concat());
}

#[test]
fn watching_takes_folders_alone() {
    let house = house();
    house.write("file.ndjson", b"{}\n");
    let (code, _, stderr) = house.run(&["feed", "file.ndjson", "--feed", "inbox", "--watch"]);
    assert_eq!((code, stderr.as_str()), (2, "error: --watch takes folders alone\n"));
}

#[test]
fn a_rate_reaches_the_feed_and_a_file_after_another_is_held_to_it_too() {
    let house = house();
    // Without a rate a file of this size goes out as one transaction: there would be all of it or nothing.
    arrive(&house, "a.ndjson", &rows("a", 1));
    arrive(&house, "b.ndjson", &rows("b", 1_000));
    let mut feeding = Feeding::start(&house, &["inbox", "--feed", "inbox", "--rate", "2"]);
    await_rows(&house, &mut feeding, 2);
    let there = raw(&house).len();
    assert!((2..1_001).contains(&there), "{there} rows");
    drop(feeding);
    house.done(&["-q", "feed", "inbox", "--feed", "inbox"]);
    assert_eq!(raw(&house), [rows("a", 1), rows("b", 1_000)].concat());
}
