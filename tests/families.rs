//! Movements that do not fit into memory are folded family by family, and say what one fold over all of them says.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that panics has failed, which is its way to say so")]

#[path = "support/pipeline.rs"]
mod pipeline;

use std::collections::BTreeMap;
use std::sync::Arc;

use entrepot::assess::{Assess, Knowledge};
use entrepot::domain::{Date, Message, Timestamp};
use entrepot::encode::{Effects, Topic};
use entrepot::reference::Reference;
use entrepot::replay::{Bounded, Gathered, KnownMovements, MovementOrder, ReplayError};
use entrepot::scoring::Model;
use entrepot::stream::Fold;

/// So much memory that all fits in.
const ALL: usize = 1 << 26;

/// The shipped model, where so many outputs go out with an input.
fn knowledge(outputs_max: u32) -> Knowledge {
    let shipped = include_str!("../config/model.toml");
    let line = shipped.lines().find(|line| line.starts_with("outputs_per_input_max")).unwrap();
    let model = shipped.replace(line, &format!("outputs_per_input_max = {outputs_max}"));
    Knowledge::new(Arc::clone(Reference::built_in()), Arc::new(Model::parse(&model).unwrap()))
}

/// A flow of the month with this number from 2023 on, known on that day of the second month after it.
fn flow((reporter, flow, partner): (&str, &str, &str), hs: &str, month: u32, (kilograms, day): (u32, u32)) -> String {
    let of = |month: u32| format!("{}-{:02}", 2023 + month / 12, month % 12 + 1);
    format!(
        r#"{{"kind":"trade_flow","reporter":"{reporter}","partner":"{partner}","flow":"{flow}","period":"{}","hs":"{hs}","hs_version":"2022","net_mass_kg":{kilograms},"customs_value":{{"amount":"{}","currency":"USD"}},"known_from":"{}-{day:02}T00:00:00Z"}}"#,
        of(month),
        kilograms * 12,
        of(month + 2)
    )
}

/// Months of so many headings, with a surge in spring 2025.
fn headings(count: u32) -> Vec<String> {
    let mut lines = Vec::new();
    for (heading, month) in (0..count).flat_map(|heading| (10..30).map(move |month| (6001 + heading, month))) {
        let (kilograms, day) = (if month < 27 { 200_000 } else { 2_000_000 }, 1 + (heading * 7 + month) % 28);
        for lane in [("US", "import", "TH"), ("TH", "import", "CN"), ("US", "import", "VN")] {
            lines.push(flow(lane, &format!("{heading}10"), month, (kilograms, day)));
        }
    }
    lines
}

/// The bundled world; headings; tungsten, of which nothing is told any more long before its control is announced; and a heading of which
/// a single day tells.
fn world() -> Vec<String> {
    let mut lines: Vec<String> = include_str!("../config/sample/world.ndjson").lines().map(str::to_owned).collect();
    lines.extend(headings(10));
    for month in 0..16 {
        let kilograms = if month < 12 { 20_000 } else { 400_000 };
        for lane in [("US", "import", "TH"), ("TH", "import", "CN"), ("TH", "import", "MM"), ("US", "import", "BE")] {
            lines.push(flow(lane, "810110", month, (kilograms, 3 + month)));
        }
    }
    lines.push(flow(("US", "import", "TH"), "842139", 3, (900_000, 9)));
    lines
}

fn movements(knowledge: &Knowledge, lines: &[String]) -> Vec<(Timestamp, Vec<u8>)> {
    pipeline::movements(knowledge, &lines.join("\n"))
}

/// A fold whose state is looked at.
struct Watched {
    fold: Assess,
    folds: usize,
    most_bytes: u64,
}

impl Fold for Watched {
    fn apply(&mut self, message: &Message) -> Effects {
        let effects = self.fold.apply(message);
        self.most_bytes = self.most_bytes.max(self.fold.state_bytes());
        effects
    }

    fn state_bytes(&self) -> u64 {
        self.fold.state_bytes()
    }

    fn renew(&mut self) {
        self.folds += 1;
        self.fold.renew();
    }
}

struct Run {
    /// Every revision, as `assess --history` prints them.
    printed: Vec<String>,
    outcomes: BTreeMap<&'static str, u64>,
    folds: usize,
    most_bytes: u64,
}

fn run(knowledge: &Knowledge, movements: &[(Timestamp, Vec<u8>)], memory: usize, until: Option<Date>) -> Run {
    let mut known = KnownMovements::holding(MovementOrder::Families, memory);
    movements.iter().for_each(|(known_from, value)| known.push(*known_from, b"", value).unwrap());
    let (mut gathered, mut outcomes) = (Gathered::new(true), BTreeMap::new());
    let mut sink = |effects: Effects| {
        effects.outcomes.iter().for_each(|(outcome, count)| *outcomes.entry(*outcome).or_default() += count);
        effects.outputs.iter().try_for_each(|output| gathered.push(output))
    };
    let mut watched = Watched { fold: Assess::new(knowledge.clone()), folds: 1, most_bytes: 0 };
    Bounded::new(&mut watched, &mut sink).all(known, until).unwrap();
    gathered.settle().unwrap();
    let mut printed = Vec::new();
    for topic in [Topic::Alerts, Topic::Assessments, Topic::Corridors] {
        let mut take = |_: &[u8], value: &[u8]| {
            printed.push(String::from_utf8(value.to_vec()).unwrap());
            Ok::<(), ReplayError>(())
        };
        gathered.each(topic, &mut take).unwrap();
    }
    Run { printed, outcomes, folds: watched.folds, most_bytes: watched.most_bytes }
}

#[track_caller]
fn is_alike(one: &Run, other: &Run) {
    for (kind, least) in [("alert", 3), ("assessment", 1_000), ("corridor", 1_000)] {
        let begins = format!(r#"{{"kind":"{kind}""#);
        let count = one.printed.iter().filter(|line| line.starts_with(&begins)).count();
        assert!(count >= least, "{count} lines of kind {kind} prove little");
    }
    let differs = one.printed.iter().zip(&other.printed).find(|(one, other)| one != other);
    assert_eq!(differs, None);
    assert_eq!(one.printed.len(), other.printed.len());
}

#[test]
fn family_by_family_the_outputs_are_those_of_one_fold() {
    let knowledge = knowledge(10_000);
    let movements = movements(&knowledge, &world());
    for until in [None, Some("2025-07-20".parse().unwrap()), Some("2026-03-01".parse().unwrap())] {
        let movements: Vec<_> = movements
            .iter()
            .filter(|(known_from, _)| until.is_none_or(|until| pipeline::date(*known_from) < until))
            .cloned()
            .collect();
        let one = run(&knowledge, &movements, ALL, until);
        assert_eq!(one.folds, 1);
        // With little memory from the first movement on, with more once it is full.
        for memory in [0, 200_000] {
            let many = run(&knowledge, &movements, memory, until);
            assert!(many.folds > 15, "{} groups", many.folds);
            is_alike(&one, &many);
            assert_eq!(one.outcomes, many.outcomes);
        }
    }
}

#[test]
fn what_is_left_over_goes_out_before_the_next_group_begins() {
    let knowledge = knowledge(1);
    let movements = movements(&knowledge, &world());
    let (one, many) = (run(&knowledge, &movements, ALL, None), run(&knowledge, &movements, 0, None));
    is_alike(&one, &many);
    // What one fold has left over at its end goes out with as many ticks as there are outputs; groups share theirs.
    let without_ticks =
        |run: &Run| -> BTreeMap<_, _> { run.outcomes.clone().into_iter().filter(|(outcome, _)| *outcome != "tick").collect() };
    assert_eq!(without_ticks(&one), without_ticks(&many));
    assert_eq!(without_ticks(&one).values().sum::<u64>(), movements.len() as u64);
    assert!(many.outcomes.get("tick") <= one.outcomes.get("tick"), "{:?} {:?}", one.outcomes, many.outcomes);
}

#[test]
fn state_does_not_grow_with_the_number_of_families() {
    let knowledge = knowledge(10_000);
    let held = |count, memory| run(&knowledge, &movements(&knowledge, &headings(count)), memory, None).most_bytes;
    let (few, many, one_fold) = (held(15, 0), held(60, 0), held(60, ALL));
    assert!(many <= 2 * few, "{few} bytes, {many} of four times as many families");
    assert!(8 * many < one_fold, "{many} bytes in groups, {one_fold} at once");
}
