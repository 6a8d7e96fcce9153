//! Tests of labels: a case for each lane, with the finding, the months and the kind of its truth.

use super::wide::{all, share, traces, world};
use super::*;
use crate::replay::simulate::mix::Mix;

fn table(world: &World) -> String {
    let mut simulation = simulate(world);
    while simulation.next().is_some() {}
    simulation.labels()
}

#[test]
fn every_lane_is_a_case_with_the_finding_and_the_months_of_its_truth() {
    for (seed, prevalence) in [(1, "0.02"), (2, "0.3")] {
        let world = world(seed, 40_000, Scheme::ALL, Mix { prevalence: share(prevalence), ..Mix::USUAL });
        let (table, traces) = (table(&world), traces(&world));
        let rows: Vec<Vec<&str>> = table.lines().skip(1).map(|line| line.split(',').collect()).collect();
        assert!(rows.len() == traces.plan.lanes.len() && rows.len() > 40, "{}", rows.len());
        assert!(rows.iter().any(|row| row[7] == "1") && rows.iter().any(|row| row[7] == "0"));
        for row in rows {
            let [case, family, hs, m, d, first, last, label, _, kind] = row.as_slice() else { panic!("{row:?}") };
            assert_eq!(*case, format!("{hs}/{m}/{d}"));
            // The code holds several materials; papers name the one, statistics none.
            assert_eq!(*family, if *hs == "811292" { "GA" } else { "" });
            let leg = format!("{m}/export/{d}/{hs}/");
            let told = || traces.flows.iter().filter_map(|(id, (_, truth))| Some((id.strip_prefix(&leg)?, truth)));
            assert_eq!(told().count(), 36, "{case}");
            assert!(told().all(|(_, truth)| truth.kind.word() == *kind), "{case}: {kind}");
            let mut passed_on = told().filter(|(_, truth)| truth.scheme.is_some()).map(|(month, _)| month);
            let begun = passed_on.next();
            let wanted = begun.map_or(("2022-07", "2025-06", "0"), |begun| (begun, passed_on.next_back().unwrap_or(begun), "1"));
            assert_eq!((*first, *last, *label), wanted, "{case}");
        }
    }
}

#[test]
fn labels_become_known_with_the_last_record() {
    for records in [50, 3_000] {
        let last = simulate(&all(7, records)).last().unwrap();
        let day = text(&last).split(r#""known_from":""#).nth(1).unwrap()[..10].to_owned();
        let table = table(&all(7, records));
        assert!(table.lines().skip(1).all(|row| row.split(',').nth(8) == Some(day.as_str())), "{day}: {table}");
    }
    assert_eq!(table(&all(7, 0)).lines().count(), 1, "nothing is known of a world without records");
}

#[test]
fn a_seed_gives_the_same_labels_everywhere() {
    let digest = |world: &World| format!("{:016x}", xxhash_rust::xxh3::xxh3_64(table(world).as_bytes()));
    // The numbers were printed by the first run; they must not depend on machine, locale or time.
    assert_eq!(
        [digest(&all(7, 3000)), digest(&world(7, 3000, &[Scheme::Hopping], Mix::USUAL))],
        ["e1741460b83a3e32", "36ff6a8ce4d0adb8"]
    );
}
