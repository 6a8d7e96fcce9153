//! Tests of simulated worlds.

mod labels;
mod leaks;
mod look_alikes;
mod schemes;
mod wide;

use std::collections::BTreeSet;

use super::*;
use crate::decode::{Decoded, Decoder, Row, Surroundings};
use crate::domain::{Country, Message, Position, Record};
use crate::reference::Reference;

fn world(seed: u64, records: u64) -> World {
    let month = |text: &str| text.parse().unwrap();
    World { seed, records, from: month("2022-07"), until: month("2025-07"), schemes: vec![Scheme::Relabel], mix: None }
}

fn text(simulated: &Simulated) -> &str {
    std::str::from_utf8(&simulated.record).unwrap()
}

fn bytes(world: &World) -> Vec<u8> {
    let lines = simulate(world).flat_map(|one| [one.record, one.truth.unwrap_or_default().into_bytes()]);
    lines.flat_map(|line| [line, b"\n".to_vec()].concat()).collect()
}

fn claims(world: &World) -> Vec<Claim> {
    let mut simulation = simulate(world);
    let mut claims = Vec::new();
    while simulation.next_month < simulation.plan.months {
        simulation.make_month();
        claims.extend(std::mem::take(&mut simulation.queue.waiting).into_values().map(|(claim, _)| claim));
    }
    claims
}

#[test]
fn a_seed_gives_the_same_bytes_everywhere() {
    let digest = |world: &World| xxhash_rust::xxh3::xxh3_64(&bytes(world));
    // The number was printed by the first run; it must not depend on machine, locale or time.
    assert_eq!(format!("{:016x}", digest(&world(7, 3000))), "25b536d67b21f3ce");
    assert_ne!(digest(&world(7, 500)), digest(&world(8, 500)));
}

#[test]
fn a_world_has_exactly_the_records_asked_for() {
    for records in [0, 1, 100, 1_000, 12_345] {
        assert_eq!(simulate(&world(3, records)).count() as u64, records);
    }
    let backwards = World { until: "2020-01".parse().unwrap(), ..world(3, 100) };
    assert_eq!(simulate(&backwards).count(), 0);
}

#[test]
fn records_come_in_the_order_in_which_they_became_known() {
    let known = |one: Simulated| text(&one).split(r#""known_from":""#).nth(1).unwrap()[..20].to_owned();
    let known: Vec<String> = simulate(&world(5, 4_000)).map(known).collect();
    assert!(known.is_sorted());
}

#[test]
fn statistics_become_known_as_late_as_their_office_publishes() {
    let mut lags: BTreeMap<Country, Vec<i64>> = BTreeMap::new();
    for claim in claims(&world(5, 40_000)) {
        if let Record::TradeFlow(flow) = claim.record {
            let published = claim.known_from.to_zoned(jiff::tz::TimeZone::UTC).date();
            let days = i64::from((published - flow.period.last().last_day()).get_days());
            lags.entry(flow.reporter).or_default().push(days);
        }
    }
    for (reporter, usual) in [("CN", 20), ("US", 35), ("JP", 30), ("DE", 50)] {
        let lags = &lags[&reporter.parse().unwrap()];
        assert_eq!(lags.iter().min(), Some(&usual), "{reporter}");
        // A few are published again, weeks after the first time.
        let first = lags.iter().filter(|days| **days < usual + 4).count();
        assert!(first < lags.len() && lags.len() - first < lags.len() / 20, "{reporter}: {first} of {}", lags.len());
    }
}

#[test]
fn every_record_has_its_truth_once() {
    let (mut told, mut records) = (BTreeSet::new(), BTreeSet::new());
    for one in simulate(&world(11, 10_000)) {
        let id = one.truth.as_deref().map(|truth| truth.split('"').nth(3).unwrap().to_owned());
        if let Some(id) = id {
            assert!(told.insert(id.clone()), "{id} is told twice");
        }
    }
    for claim in claims(&world(11, 10_000)) {
        records.insert(claim.id);
    }
    assert_eq!(told, records);
}

#[test]
fn every_container_number_has_its_check_digit() {
    let mut boxes = 0;
    for claim in claims(&world(2, 5_000)) {
        if let Record::Shipment(shipment) = claim.record {
            boxes += shipment.containers.len();
            assert!(shipment.containers.iter().all(|container| container.number.check_digit_holds()));
        }
    }
    assert!(boxes > 2_000);
}

#[test]
fn relabelled_goods_are_planted_only_where_asked_for_and_only_after_a_control() {
    let relabelled = |world: &World| -> Vec<String> {
        simulate(world).filter_map(|one| one.truth).filter(|truth| truth.contains(r#""scheme":"relabel""#)).collect()
    };
    let planted = relabelled(&world(1, 10_000));
    assert!(planted.len() > 200, "{}", planted.len());
    // The earliest control of the table is of August 2023.
    let flows = planted.iter().filter_map(|truth| truth.split('"').nth(3).unwrap().rsplit_once('/'));
    assert!(flows.filter(|(_, period)| period.len() == 7).all(|(_, period)| period >= "2023-08"));
    assert!(relabelled(&World { schemes: Vec::new(), ..world(1, 10_000) }).is_empty());
}

#[test]
fn honest_stories_of_every_kind_are_told() {
    let kinds: BTreeSet<String> = simulate(&world(1, 20_000))
        .filter_map(|one| one.truth)
        .map(|truth| truth.split(r#""kind":""#).nth(1).unwrap().split('"').next().unwrap().to_owned())
        .collect();
    let all = [
        "demand_shock",
        "direct",
        "honest_transit",
        "ordinary",
        "ore_smelted",
        "other_source",
        "producer",
        "relabel",
        "relocation",
        "stock_building",
    ];
    assert_eq!(kinds.iter().map(String::as_str).collect::<Vec<_>>(), all);
}

#[test]
fn no_intermediary_is_favoured() {
    let mut planted: BTreeSet<Country> = BTreeSet::new();
    for seed in 0..40 {
        let plan = Plan::new(&world(seed, 10_000));
        planted
            .extend(plan.lanes.iter().filter(|lane| lane.kind == Kind::Planted(Scheme::Relabel)).map(|lane| lane.intermediary));
    }
    assert!(planted.len() > 35, "{planted:?}");
}

#[test]
fn written_files_are_never_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let written = write(&world(1, 50), folder.path()).unwrap();
    let lines = |path: &Path| std::fs::read_to_string(path).unwrap().lines().count();
    assert_eq!((written.count, lines(&written.records)), (50, 50));
    assert!((1..=50).contains(&lines(&written.truth)));
    assert_eq!(lines(&written.labels), 2, "a lane and the header");
    assert!(matches!(write(&world(1, 50), folder.path()), Err(WriteError::Exists(_))));
}

#[test]
fn what_was_not_written_to_its_end_is_not_there() {
    let folder = tempfile::tempdir().unwrap();
    let names = || {
        let mut names: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        names
    };
    // The last of the three cannot be written, and what one that was killed left behind is in nobody's way.
    let (labels, records) = (folder.path().join("labels.unfinished"), folder.path().join("records.unfinished"));
    std::fs::write(&records, "half a wor").unwrap();
    std::fs::create_dir(&labels).unwrap();
    assert!(matches!(write(&world(1, 50), folder.path()), Err(WriteError::Unwritable { .. })));
    assert_eq!(names(), ["labels.unfinished"]);
    std::fs::remove_dir(&labels).unwrap();
    std::fs::write(&records, "half a wor").unwrap();
    write(&world(1, 50), folder.path()).unwrap();
    assert_eq!(names(), ["labels.csv", "records.ndjson", "truth.ndjson"]);
}

#[test]
fn schemes_are_named() {
    assert_eq!("relabel".parse(), Ok(Scheme::Relabel));
    assert_eq!(
        "smuggle".parse::<Scheme>().unwrap_err().to_string(),
        "\"smuggle\" is no scheme (relabel, minor_processing, code_change, cross_stuffing, new_firm, hopping, co_mingling; all, \
         or none for an honest world)"
    );
}

fn decoded(line: &[u8]) -> Decoded {
    // Written long after every record of the tests became known.
    let timestamp = "2026-07-01T00:00:00Z".parse().ok();
    let position = Position { topic: "test".into(), partition: 0, offset: 0 };
    let message = Message { position, timestamp, key: None, value: Some(line.to_vec()), headers: Vec::new() };
    let reference = Reference::default();
    Decoder::canonical(false).decode(&message, &Surroundings { reference: &reference, default_lag_days: 30, file_name: None })
}

#[test]
fn every_record_decodes_to_what_was_made() {
    let made: BTreeSet<Vec<u8>> = claims(&world(9, 3_000)).iter().map(canonical_record).collect();
    for one in simulate(&world(9, 3_000)) {
        let Decoded::Rows(rows) = decoded(&one.record) else { panic!("{}", text(&one)) };
        let [Row::Claim(claim)] = rows.as_slice() else { panic!("{rows:?}") };
        assert_eq!(canonical_record(claim), one.record);
        assert!(made.contains(&one.record));
    }
}

fn sample(file: &str) -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("config/sample").join(file)).unwrap()
}

#[test]
fn the_sample_is_what_its_seed_gives() {
    let page = String::from_utf8(sample("README.md")).unwrap();
    let command = page.split("`entrepot simulate ").nth(1).unwrap().split('`').next().unwrap();
    let said = |option: &str| command.split(option).nth(1).unwrap().split_whitespace().next().unwrap();
    let month = |option: &str| said(option).parse::<Month>().unwrap();
    let world = World {
        seed: said("--seed").parse().unwrap(),
        records: said("--records").parse().unwrap(),
        from: month("--from"),
        until: month("--until").plus(1),
        schemes: vec![said("--scheme").parse().unwrap()],
        mix: None,
    };
    let (mut records, mut truth) = (Vec::new(), Vec::new());
    for one in simulate(&world) {
        records.extend([one.record, b"\n".to_vec()].concat());
        truth.extend(one.truth.map(|line| line + "\n").unwrap_or_default().into_bytes());
    }
    assert!(records.len() < 6_000_000, "{} bytes", records.len());
    assert!(records == sample("world.ndjson"), "world.ndjson differs: config/sample/README.md has the command that makes it");
    assert!(truth == sample("world.truth.ndjson"), "world.truth.ndjson differs: it is made with world.ndjson");
}

#[test]
fn the_bad_rows_of_the_sample_are_bad_as_announced() {
    let expected = String::from_utf8(sample("bad.expected.csv")).unwrap();
    assert_eq!(expected.lines().count(), 1 + 20);
    for file in ["bad.ndjson", "bad-future.ndjson"] {
        let bytes = sample(file);
        let lines = bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        for (row, line) in lines.enumerate() {
            let outcome = match decoded(line) {
                Decoded::Unreadable(error) => format!("dead_letter,{}", error.reason.code()),
                Decoded::Rows(rows) => match rows.as_slice() {
                    [Row::Failed(error)] => format!("dead_letter,{}", error.reason.code()),
                    [Row::Excluded(reason)] => format!("excluded,{}", reason.code()),
                    other => panic!("{file} {row}: {other:?}"),
                },
            };
            let announced = format!("{file},{},{outcome},", row + 1);
            assert!(expected.lines().any(|line| line.starts_with(&announced)), "{announced}");
        }
    }
}

/// Every record of a file decodes, lacks nothing but maybe its mass, and has a row in the table of bases beside it.
#[track_caller]
fn check_basis(records: &Path) {
    let basis = std::fs::read_to_string(records.with_extension("basis.csv")).unwrap();
    let told: BTreeSet<&str> = basis.lines().skip(1).map(|line| line.split(',').next().unwrap()).collect();
    assert!(basis.lines().skip(1).all(|line| matches!(line.split(',').nth(1), Some("reported" | "derived" | "assumed"))));
    let bytes = std::fs::read(records).unwrap();
    let mut ids = BTreeSet::new();
    for line in bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        let Decoded::Rows(rows) = decoded(line) else { panic!("{}", String::from_utf8_lossy(line)) };
        let [Row::Claim(claim)] = rows.as_slice() else { panic!("{rows:?}") };
        assert!(claim.quality.iter().all(|reason| reason.code() == "no_mass"), "{:?}", claim.quality);
        assert!(told.contains(claim.id.as_str()), "{} has no basis", claim.id);
        ids.insert(claim.id.clone());
    }
    assert_eq!(ids.len(), told.len());
}

#[test]
fn every_row_of_the_sample_and_the_scenarios_decodes_and_has_a_basis() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    check_basis(&root.join("config/sample/antimony.ndjson"));
    let files = std::fs::read_dir(root.join("tests/scenarios")).unwrap().map(|entry| entry.unwrap().path());
    let twins: Vec<PathBuf> = files.filter(|path| path.extension().is_some_and(|extension| extension == "ndjson")).collect();
    assert!(twins.len() >= 8);
    twins.iter().for_each(|path| check_basis(path));
}
