//! The bodies of the fuzz targets, bounded and on stable: each seed of the corpus, mutants of it, and arbitrary bytes. The same
//! inputs on every run.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that finds something else than it expects stops there")]

#[path = "../fuzz/bodies.rs"]
mod bodies;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

/// Mutants of each seed, and as many strings of arbitrary bytes as a seed has mutants.
const MUTANTS: u64 = 60;

/// splitmix64: the same numbers for the same seed, everywhere.
struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) % (limit.max(1) as u64)).unwrap()
    }
}

/// What breaks parsers: ends of nesting, quotes, numbers at the edge, bytes that are no UTF-8.
const SPLICES: [&[u8]; 16] = [
    b"\"",
    b"{",
    b"[",
    b"]}",
    b",",
    b"\n",
    b"\0",
    b"\xff\xfe",
    b"null",
    b"-1",
    b"1e400",
    b"99999999999999999999999999999",
    b"2099-12-31",
    b"\\ud800",
    b"= [",
    b"\xef\xbb\xbf",
];

fn mutant(seed: &[u8], chance: &mut Chance) -> Vec<u8> {
    let mut bytes = seed.to_vec();
    for _ in 0..=chance.below(4) {
        let at = chance.below(bytes.len() + 1);
        match chance.below(6) {
            0 => bytes.truncate(at),
            1 if at < bytes.len() => bytes[at] = chance.below(256) as u8,
            2 => drop(bytes.splice(at..at, SPLICES[chance.below(SPLICES.len())].iter().copied())),
            3 => {
                let until = (at + chance.below(12)).min(bytes.len());
                bytes.drain(at..until);
            }
            4 => {
                let until = (at + chance.below(40)).min(bytes.len());
                let copy = bytes[at..until].to_vec();
                drop(bytes.splice(at..at, copy));
            }
            _ => {
                // One digit for another: still well-formed, with another meaning.
                let digits: Vec<usize> = (0..bytes.len()).filter(|at| bytes[*at].is_ascii_digit()).collect();
                if let Some(at) = digits.get(chance.below(digits.len())) {
                    bytes[*at] = b'0' + chance.below(10) as u8;
                }
            }
        }
    }
    bytes
}

fn check(name: &str) {
    let (_, body) = bodies::ALL.into_iter().find(|(known, _)| *known == name).unwrap();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(name);
    let mut seeds: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    seeds.sort();
    assert!(!seeds.is_empty(), "{} has no seed", folder.display());
    let mut chance = Chance(name.len() as u64);
    for seed in seeds {
        let bytes = std::fs::read(&seed).unwrap();
        run(body, &bytes);
        for _ in 0..MUTANTS {
            run(body, &mutant(&bytes, &mut chance));
        }
    }
    for _ in 0..MUTANTS {
        let arbitrary: Vec<u8> = (0..chance.below(200)).map(|_| chance.below(256) as u8).collect();
        run(body, &arbitrary);
    }
}

#[track_caller]
fn run(body: fn(&[u8]), bytes: &[u8]) {
    if let Err(cause) = catch_unwind(AssertUnwindSafe(|| body(bytes))) {
        let said = cause.downcast_ref::<String>().cloned().or_else(|| cause.downcast_ref::<&str>().map(ToString::to_string));
        panic!("{}\non the bytes {:?}", said.unwrap_or_default(), String::from_utf8_lossy(bytes));
    }
}

#[test]
fn canonical_json_is_read_or_refused() {
    check("canonical");
}

#[test]
fn shipped_mappings_read_or_refuse_any_bytes() {
    check("mappings");
}

#[test]
fn a_mapping_is_valid_or_refused_with_its_line() {
    check("mapping_parse");
}

#[test]
fn movements_are_read_or_called_broken() {
    check("movement");
}

#[test]
fn a_configuration_is_valid_or_refused() {
    check("config");
}

#[test]
fn a_panic_is_found() {
    let found = catch_unwind(|| run(|bytes| assert!(bytes.is_empty(), "not empty"), b"x"));
    assert!(found.is_err());
}
