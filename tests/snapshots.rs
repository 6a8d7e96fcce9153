//! A snapshot is the state: whoever goes on from one says what who never stopped says, byte for byte. Damaged bytes are refused.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::float_cmp,
    reason = "a test that panics has failed, which is its way to say so"
)]

#[path = "support/pipeline.rs"]
mod pipeline;

use std::sync::{Arc, OnceLock};

use entrepot::assess::{Assess, Knowledge};
use entrepot::encode::{Effects, tick};
use entrepot::reference::Reference;
use entrepot::scoring::Model;
use proptest::prelude::*;

/// So few outputs go out with a message that most wait.
const FEW: &str = "outputs_per_input_max = 1";

fn knowledge(text: &str) -> Knowledge {
    Knowledge::new(Arc::clone(Reference::built_in()), Arc::new(Model::parse(text).unwrap()))
}

/// The shipped model, and one that lets few outputs go at a time.
fn models() -> [Knowledge; 2] {
    let shipped = include_str!("../config/model.toml");
    let line = shipped.lines().find(|line| line.starts_with("outputs_per_input_max")).unwrap();
    [knowledge(shipped), knowledge(&shipped.replace(line, FEW))]
}

/// Movements across the controls of 2024: months and a year of flows, corrections of them, a basket, a heading, and bills with
/// duplicates, amendments, cancellations and another intermediary.
fn world() -> &'static [Vec<u8>] {
    static WORLD: OnceLock<Vec<Vec<u8>>> = OnceLock::new();
    WORLD.get_or_init(|| {
        let knowledge = pipeline::knowledge();
        pipeline::movements(&knowledge, &lines().join("\n")).into_iter().map(|(_, movement)| movement).collect()
    })
}

fn lines() -> Vec<String> {
    let mut lines = Vec::new();
    let mut flow = |(reporter, partner, flow): (&str, &str, &str), period: &str, (hs, kilograms): (&str, u64), known: &str| {
        let value = kilograms * 12;
        lines.push(format!(
            r#"{{"kind":"trade_flow","reporter":"{reporter}","partner":"{partner}","flow":"{flow}","period":"{period}","hs":"{hs}","hs_version":"2022","net_mass_kg":{kilograms},"customs_value":{{"amount":"{value}","currency":"USD"}},"known_from":"{known}T00:00:00Z"}}"#
        ));
    };
    for index in 0..30u64 {
        let period = format!("{}-{:02}", 2023 + index / 12, index % 12 + 1);
        let on = |day: u64| format!("{}-{:02}-{day:02}", 2023 + (index + 2) / 12, (index + 2) % 12 + 1);
        let (known, surge) = (on(3 + index % 20), if index >= 22 { 20 } else { 1 });
        flow(("US", "TH", "import"), &period, ("282580", 20_000 * surge), &known);
        flow(("US", "VN", "import"), &period, ("282580", 30_000), &known);
        flow(("TH", "CN", "import"), &period, ("282580", 21_000 * surge), &known);
        flow(("CN", "TH", "export"), &period, ("282580", 20_500 * surge), &known);
        flow(("TH", "MM", "import"), &period, ("261710", 9_000), &known);
        flow(("US", "KR", "import"), &period, ("811292", 100 + index), &known);
        flow(("US", "MY", "import"), &period, ("847130", 900_000), &known);
        if index % 7 == 0 {
            flow(("US", "TH", "import"), &period, ("282580", 20_000 * surge + 500), &on(8 + index % 20));
        }
    }
    flow(("US", "MX", "import"), "2024", ("282580", 600_000), "2025-03-07");
    for index in 0..12u32 {
        let mut bill = |revision: u32, origin: &str, status: &str| {
            let (day, known) = (3 + index, 3 + index + revision);
            lines.push(format!(
                r#"{{"kind":"shipment","id":"B{index}/1","revision":{revision},"status":"{status}","event_date":"2025-03-{day:02}","known_from":"2025-04-{known:02}T00:00:00Z","hs":"2825800000","country_of_origin":"{origin}","destination":"US","place_of_receipt":"CNNGB","port_of_lading":"THLCH","net_mass_kg":20000}}"#
            ));
        };
        bill(1, "TH", "active");
        match index % 4 {
            0 => bill(1, "TH", "active"),
            1 => bill(2, "VN", "active"),
            2 => bill(2, "TH", "cancelled"),
            _ => {}
        }
    }
    lines
}

fn apply(assess: &mut Assess, offset: usize, value: &[u8]) -> Effects {
    assess.apply(&pipeline::message("movements", offset as i64, value))
}

/// A partition that has folded the first movements of an order, and one made from its snapshot. What the first one has said is of no
/// matter: its outputs went out.
#[track_caller]
fn both(knowledge: &Knowledge, first: &[Vec<u8>]) -> [Assess; 2] {
    let mut undisturbed = Assess::new(knowledge.clone());
    for (offset, value) in first.iter().enumerate() {
        apply(&mut undisturbed, offset, value);
    }
    let mut restored = Assess::new(knowledge.clone());
    let kept = undisturbed.snapshot().expect("all of the state can be kept");
    restored.restore(&kept).unwrap();
    assert!(restored.snapshot().unwrap() == kept, "taken, restored and taken again it is the same bytes");
    [undisturbed, restored]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn who_goes_on_from_a_snapshot_says_the_same(
        order in Just((0..world().len()).collect::<Vec<_>>()).prop_shuffle(),
        by_date in any::<bool>(),
        few in any::<bool>(),
        cut in any::<prop::sample::Index>(),
    ) {
        let knowledge = &models()[usize::from(few)];
        let mut order = order;
        if by_date {
            let known = |at: &usize| {
                let movement: serde_json::Value = serde_json::from_slice(&world()[*at]).unwrap();
                movement["known_from"].as_str().unwrap().to_owned()
            };
            order.sort_by_key(known);
        }
        let mut movements: Vec<Vec<u8>> = order.iter().map(|at| world()[*at].clone()).collect();
        let day = jiff::civil::date(2025, 7, 30);
        movements.extend((0..40).map(|days| tick(day.saturating_add(jiff::Span::new().days(days)))));
        let cut = cut.index(movements.len());
        let [mut undisturbed, mut restored] = both(knowledge, &movements[..cut]);
        for (offset, value) in movements.iter().enumerate().skip(cut) {
            prop_assert_eq!(apply(&mut undisturbed, offset, value), apply(&mut restored, offset, value), "from {} at {}", cut, offset);
        }
        prop_assert!(undisturbed.snapshot() == restored.snapshot(), "the state at the end is another, from {}", cut);
    }

    #[test]
    fn bytes_of_any_kind_are_refused_and_change_nothing(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let mut assess = Assess::new(pipeline::knowledge());
        let empty = assess.snapshot();
        prop_assert!(assess.restore(&bytes).is_err());
        prop_assert_eq!(assess.snapshot(), empty);
    }

    #[test]
    fn a_damaged_state_with_a_right_hash_is_no_panic(at in any::<prop::sample::Index>(), byte in any::<u8>(), cut in any::<bool>()) {
        let mut bytes = whole().to_vec();
        bytes.truncate(bytes.len() - 8);
        let at = at.index(bytes.len());
        bytes[at] = byte;
        if cut {
            bytes.truncate(at);
        }
        bytes.extend(xxhash_rust::xxh3::xxh3_64(&bytes).to_le_bytes());
        // Some damage is another valid state; a hash that was made for it is beyond what a disk does.
        drop(Assess::new(pipeline::knowledge()).restore(&bytes));
    }
}

fn whole() -> &'static [u8] {
    static WHOLE: OnceLock<Vec<u8>> = OnceLock::new();
    WHOLE.get_or_init(|| both(&models()[1], world())[0].snapshot().unwrap())
}

#[test]
fn every_flipped_bit_and_every_cut_is_an_error() {
    let whole = whole();
    let mut assess = Assess::new(pipeline::knowledge());
    let empty = assess.snapshot();
    for at in (0..whole.len()).step_by(97) {
        let mut flipped = whole.to_vec();
        flipped[at] ^= 1 << (at % 8);
        assert!(assess.restore(&flipped).is_err(), "bit of byte {at}");
        assert!(assess.restore(&whole[..at]).is_err(), "cut at {at}");
    }
    assert_eq!(assess.snapshot(), empty);
    assess.restore(whole).unwrap();
    assert!(assess.snapshot().unwrap() == whole);
}

#[test]
fn outputs_that_wait_are_part_of_a_snapshot() {
    let mut assess = Assess::new(models()[1].clone());
    let folded = world().iter().enumerate().find_map(|(offset, value)| {
        apply(&mut assess, offset, value);
        assess.has_left_over().then_some(offset + 1)
    });
    let [undisturbed, restored] = both(&models()[1], &world()[..folded.expect("some outputs have to wait")]);
    assert!(undisturbed.has_left_over() && restored.has_left_over());
}
