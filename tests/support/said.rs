//! What was said under each key of a log, number by number, whoever said it.

#![allow(dead_code, unreachable_pub, reason = "several tests share it, and none uses all of it")]

use std::collections::BTreeMap;

use entrepot::domain::FamilyId;
use entrepot::encode::Standing;
use entrepot::stream::Log;

use super::house::{VERDICTS, by_key, without_offset};

pub type Verdicts = BTreeMap<(String, FamilyId), Vec<Standing>>;

/// What was said under each key, in order of its numbers. Each stands once, from 1 on, and the log holds them in order. A record that was
/// amended into another family counts in each.
#[track_caller]
pub fn said(log: &mut dyn Log) -> Verdicts {
    let mut said = Verdicts::new();
    for (key, values) in VERDICTS.iter().flat_map(|topic| by_key(log, topic)) {
        let key = String::from_utf8(key).unwrap();
        for standing in values.iter().map(|value| Standing::of(without_offset(value).as_bytes()).unwrap()) {
            said.entry((key.clone(), standing.family)).or_default().push(standing);
        }
    }
    for (key, said) in &said {
        let numbers: Vec<u32> = said.iter().map(|standing| standing.number).collect();
        assert_eq!(numbers, (1..=numbers.len() as u32).collect::<Vec<_>>(), "{key:?}");
    }
    said
}

/// Both end with the same verdicts, and with the same cases open.
#[track_caller]
pub fn check_end(log: &mut dyn Log, alone: &mut dyn Log) {
    let (one, other) = (said(log), said(alone));
    let verdicts = |said: &Verdicts| said.iter().filter(|(_, said)| said[0].case.is_none()).count();
    assert_eq!(verdicts(&one), verdicts(&other));
    for (key, alone) in other.iter().filter(|(_, said)| said[0].case.is_none()) {
        let (one, alone) = (one[key].last().unwrap(), alone.last().unwrap());
        assert!(one.says_the_same(alone), "{key:?}: {one:?}, {alone:?}");
    }
    // A case that stands open stands so for both, with one band.
    let open = |said: &Verdicts| {
        let last = said.iter().filter_map(|(key, said)| Some((key.clone(), said.last().unwrap().case?)));
        let open = last.filter(|(_, case)| case.opened.is_some()).map(|(key, case)| (key, case.band));
        open.collect::<BTreeMap<_, _>>()
    };
    assert_eq!(open(&one), open(&other));
}
