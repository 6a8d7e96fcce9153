//! Another model or bundle takes up a log: only what changed is published, numbers go on, and what stands in the end is what it says
//! who had been there from the first message on. Back again, too; and every verdict can be derived again by who made it.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that finds something else than it expects stops there")]

#[path = "support/house.rs"]
mod house;
#[path = "support/said.rs"]
mod said;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use entrepot::encode::Standing;
use house::House;
use said::{Verdicts, check_end, said};

const SET: [&str; 3] = ["transactions.records_max=40", "transactions.interval_ms=20", "service.workers=2"];
/// The clock after each third of the world.
const CLOSING: [&str; 3] = ["2023-11-01", "2024-09-01", "2026-01-01"];

/// What a service is told to be other than by default.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum As {
    /// The shipped model and bundle.
    Shipped,
    /// A model that expects more of it from the outset and less of a ban, and calls more of it urgent.
    Model,
    /// A bundle that does not know of any mine of a family in one country.
    Bundle,
}

impl As {
    fn set(self) -> Vec<&'static str> {
        match self {
            As::Shipped => SET.to_vec(),
            As::Model => [&SET[..], &["model.path=model.toml"]].concat(),
            As::Bundle => [&SET[..], &["reference.path=bundle"]].concat(),
        }
    }
}

/// A folder with a world in thirds, another model and another bundle.
fn house() -> House {
    let house = House::new(&[("world", "canonical")]);
    let simulate = ["-q", "simulate", "--seed", "7", "--out", "simulated", "--from", "2023-01", "--until", "2025-06"];
    house.done(&[&simulate[..], &["--records", "2400", "--scheme", "relabel"]].concat());
    let text = fs::read_to_string(house.path("simulated/records.ndjson")).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    for (index, third) in lines.chunks(lines.len().div_ceil(3)).enumerate() {
        house.write(&format!("{index}.ndjson"), (third.join("\n") + "\n").as_bytes());
    }
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("config");
    let model = fs::read_to_string(shipped.join("model.toml")).unwrap();
    let other = model
        .replace("base_probability = 20 ", "base_probability = 60 ")
        .replace("ban = 1500 ", "ban = 900 ")
        .replace("priority = 800 ", "priority = 600 ");
    assert_ne!(model, other);
    house.write("model.toml", other.as_bytes());
    fs::create_dir(house.path("bundle")).unwrap();
    for entry in fs::read_dir(shipped.join("reference")).unwrap().map(Result::unwrap) {
        let text = fs::read_to_string(entry.path()).unwrap();
        let name = entry.file_name().into_string().unwrap();
        let kept = |line: &&str| name != "controls.csv" || !line.contains("antimony") && !line.contains("Antimony");
        let text: String = text.lines().filter(kept).map(|line| line.to_owned() + "\n").collect();
        house.write(&format!("bundle/{name}"), text.as_bytes());
    }
    house
}

/// Serves the thirds of the world in turn, each as somebody.
fn served(turns: &[(As, usize)], without_snapshots: bool) -> House {
    let house = house();
    for (who, third) in turns {
        if without_snapshots {
            drop(fs::remove_dir_all(house.path("log.snapshots")));
        }
        serve(&house, *who, Some(*third));
    }
    house
}

/// Serves until all is done; with a third of the world, where there is one.
fn serve(house: &House, who: As, third: Option<usize>) {
    if let Some(third) = third {
        house.feed(&house.path(&format!("{third}.ndjson")), "world");
        house.serve_to_the_end((&who.set(), &[]), CLOSING[third]);
        return;
    }
    let mut service = house.serve((&who.set(), &[]));
    service.get("/metrics");
    while !service.answers("/readyz") {
        assert!(service.is_alive(), "{}", service.errors());
        house::pause(&mut house.log());
    }
    service.end();
}

/// How many were said by each, and how many of them said what was said before by another.
fn repeated(said: &Verdicts) -> (BTreeMap<&str, usize>, usize) {
    let mut by_maker = BTreeMap::new();
    said.values().flatten().for_each(|said| *by_maker.entry(said.made_by.as_str()).or_default() += 1);
    let pairs = said.values().flat_map(|said| said.windows(2));
    let repeated = |pair: &&[Standing]| pair[0].made_by != pair[1].made_by && pair[0].says_the_same(&pair[1]);
    (by_maker, pairs.filter(repeated).count())
}

#[test]
fn another_model_publishes_what_it_says_otherwise_and_numbers_go_on() {
    let alone = served(&[(As::Model, 0), (As::Model, 1), (As::Model, 2)], false);
    for without_snapshots in [false, true] {
        let house = served(&[(As::Shipped, 0), (As::Shipped, 1), (As::Model, 2)], without_snapshots);
        check_end(&mut house.log(), &mut alone.log());
        let first = said(&mut house.log());
        let (by_maker, repeated) = repeated(&first);
        assert_eq!((by_maker.len(), repeated), (2, 0), "{by_maker:?}");
        // Once more, with and without a snapshot: all has been said.
        serve(&house, As::Model, None);
        fs::remove_dir_all(house.path("log.snapshots")).unwrap();
        serve(&house, As::Model, None);
        assert_eq!(said(&mut house.log()), first);
    }
}

#[test]
fn it_speaks_at_its_start_and_who_comes_back_goes_on_from_what_stands() {
    let house = served(&[(As::Shipped, 0), (As::Shipped, 1)], false);
    let before = said(&mut house.log());
    serve(&house, As::Model, None);
    let between = said(&mut house.log());
    assert_ne!(before, between, "nobody sent a record, but another model came");
    serve(&house, As::Shipped, None);
    check_end(&mut house.log(), &mut served(&[(As::Shipped, 0), (As::Shipped, 1)], false).log());
    serve(&house, As::Model, Some(2));
    serve(&house, As::Shipped, None);
    let alone = served(&[(As::Shipped, 0), (As::Shipped, 1), (As::Shipped, 2)], false);
    check_end(&mut house.log(), &mut alone.log());
}

#[test]
fn another_bundle_publishes_what_it_says_otherwise() {
    let house = served(&[(As::Shipped, 0), (As::Shipped, 1), (As::Bundle, 2)], false);
    check_end(&mut house.log(), &mut served(&[(As::Bundle, 0), (As::Bundle, 1), (As::Bundle, 2)], false).log());
    assert_eq!(repeated(&said(&mut house.log())).0.len(), 2);
}

#[test]
fn each_verdict_is_derived_again_by_who_made_it() {
    let house = served(&[(As::Shipped, 0), (As::Model, 1), (As::Shipped, 2)], false);
    serve(&house, As::Model, None);
    let said = said(&mut house.log());
    let is_case = |said: &&Standing| said.case.is_some();
    for want_case in [true, false] {
        let all = said.iter().flat_map(|(key, said)| said.iter().map(move |said| (key, said)));
        let chosen: Vec<_> = all.filter(|(_, said)| is_case(said) == want_case).collect();
        let makers: BTreeSet<&str> = chosen.iter().map(|(_, said)| said.made_by.as_str()).collect();
        assert_eq!(makers.len(), 2, "{makers:?}");
        for ((key, _), standing) in chosen.iter().step_by(chosen.len().div_ceil(25)) {
            let (code, stdout, stderr) = house.run(&["explain", key, "--revision", &standing.number.to_string()]);
            assert_eq!(code, 0, "{key} {standing:?}: {stdout}{stderr}");
        }
    }
}
