//! A replay to topics of its own that is killed and taken up: the same outputs as undisturbed, and nothing of the live service moves.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that finds something else than it expects stops there")]

#[path = "support/house.rs"]
mod house;

use std::path::Path;
use std::process::Stdio;

use house::{House, MOVEMENTS, VERDICTS, by_key, messages, pause};

const RAW: &str = "story";

/// The antimony story of the sample, served to its end.
fn served() -> House {
    let house = House::new(&[(RAW, "canonical")]);
    house.feed(&Path::new(env!("CARGO_MANIFEST_DIR")).join("config/sample/antimony.ndjson"), RAW);
    house.serve_to_the_end((&[], &[]), "2026-01-01");
    house
}

/// A replay of all stages to a prefix, an output a transaction, so that a kill falls between two.
fn replay<'a>(prefix: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let replay = ["-q", "--set", "transactions.records_max=1", "replay", "--from", "start", "--stage", "all"];
    [&replay[..], &["--out-prefix", prefix], more].concat()
}

fn count(house: &House, topic: &str) -> usize {
    messages(&mut house.log(), topic).len()
}

/// Everything of the live service: what its topics hold, and where its groups stand.
fn live(house: &House) -> impl PartialEq + std::fmt::Debug {
    let mut log = house.log();
    let contents = VERDICTS.iter().chain(&[RAW, MOVEMENTS]).map(|topic| messages(&mut log, topic)).collect::<Vec<_>>();
    (contents, ["entrepot.ingest", "entrepot.assess"].map(|group| log.positions(group).unwrap()))
}

/// Kills a replay once this topic of its holds something, and says how much it then held.
fn kill_within(house: &House, prefix: &str, topic: &str) -> usize {
    let mut child = house.command(&replay(prefix, &[])).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let (mut log, topic) = (house.log(), format!("{prefix}{topic}"));
    loop {
        use entrepot::stream::Log;
        let has_ended = child.try_wait().unwrap().is_some();
        let is_there = log.topics().unwrap().iter().any(|there| there.name == topic);
        if is_there && !messages(&mut log, &topic).is_empty() {
            break;
        }
        assert!(!has_ended, "the replay ended and {topic} held nothing");
        pause(&mut log);
    }
    child.kill().unwrap();
    child.wait().unwrap();
    count(house, &topic)
}

/// Kills replays, each to a prefix of its own, until one is caught before its topic is whole: on a busy machine a kill may come late,
/// and proves nothing then. Gives the prefix.
fn kill_midway(house: &House, name: &str, (within, whole): (&str, usize)) -> String {
    let mut prefixes = (0..20).map(|attempt| format!("{name}{attempt}."));
    prefixes.find(|prefix| kill_within(house, prefix, within) < whole).expect("one kill in twenty comes in time")
}

#[test]
fn a_killed_replay_is_taken_up_and_gives_what_an_undisturbed_one_gives() {
    let house = served();
    let before = live(&house);
    let calm = house.done(&replay("calm.", &[]));
    let kinds = ["movements", "assessments", "corridors", "alerts"];
    // Killed early and killed late.
    for (name, within) in [("early", "movements"), ("late", "corridors")] {
        let whole = count(&house, &format!("calm.{within}"));
        let prefix = kill_midway(&house, name, (within, whole));
        let prefix = prefix.as_str();
        assert_eq!(house.run(&replay(prefix, &[])).0, 73, "without --resume it is not written over");
        let (code, _, stderr) = house.run(&replay(prefix, &["--resume", "--order", "known"]));
        assert_eq!(code, 73, "{stderr}");
        assert!(stderr.contains("was begun with --order log, not known: "), "{stderr}");
        assert_eq!(house.done(&replay(prefix, &["--resume"])), calm, "the same last line");
        let mut log = house.log();
        for kind in kinds {
            let (calm, taken_up) = (by_key(&mut log, &format!("calm.{kind}")), by_key(&mut log, &format!("{prefix}{kind}")));
            assert!(!calm.is_empty());
            assert_eq!(calm.len(), taken_up.len(), "{prefix}{kind}");
            assert_eq!(calm.iter().zip(&taken_up).find(|(calm, taken_up)| calm != taken_up), None, "{prefix}{kind}");
        }
        // Taken up once more there is nothing left to write.
        assert_eq!(house.done(&replay(prefix, &["--resume"])), calm);
        assert_eq!(count(&house, &format!("{prefix}movements")), count(&house, "calm.movements"));
    }
    assert_eq!(live(&house), before, "the live topics and offsets are as they were");
}

#[test]
fn what_comes_into_the_log_after_a_replay_began_is_no_part_of_it_when_it_is_taken_up() {
    let house = served();
    let calm = house.done(&replay("calm.", &[]));
    kill_within(&house, "rough.", "movements");
    let more = house.write("more.ndjson", br#"{"kind":"trade_flow","reporter":"US","partner":"TH","flow":"import","period":"2025-12","hs":"282580","net_mass_kg":400000,"known_from":"2026-02-05T00:00:00Z"}"#);
    house.feed(&more, RAW);
    house.serve_to_the_end((&[], &[]), "2026-03-01");
    assert_eq!(house.done(&replay("rough.", &["--resume"])), calm);
    let mut log = house.log();
    for kind in ["movements", "assessments", "corridors", "alerts"] {
        assert!(by_key(&mut log, &format!("calm.{kind}")) == by_key(&mut log, &format!("rough.{kind}")), "{kind}");
    }
}

#[test]
fn topics_that_hold_something_else_are_not_written_to() {
    use entrepot::stream::{Log, NextOffsets, Outgoing};
    let house = served();
    kill_within(&house, "rough.", "movements");
    let mut log = house.log();
    let foreign = Outgoing {
        topic: "rough.movements".into(),
        partition: Some(0),
        key: Some(b"SB".to_vec()),
        value: Some(b"{}".to_vec()),
        headers: Vec::new(),
    };
    for partition in 0..12 {
        log.send(Outgoing { partition: Some(partition), ..foreign.clone() }).unwrap();
    }
    log.commit(&NextOffsets::new()).unwrap();
    let (code, _, stderr) = house.run(&replay("rough.", &["--resume"]));
    assert_eq!(code, 73, "{stderr}");
    assert!(stderr.contains("holds what this replay does not give"), "{stderr}");
}
