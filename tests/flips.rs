//! What must not matter: who the firms are, the order of arrival, units, currencies, which part of China, whose file, which intermediary.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::float_cmp,
    reason = "a test that panics has failed, which is its way to say so"
)]

#[path = "support/pipeline.rs"]
mod pipeline;

use std::collections::BTreeMap;
use std::sync::OnceLock;

use entrepot::domain::{Date, Month};
use entrepot::encode::Topic;
use rust_decimal::Decimal;
use serde_json::{Value, json};

/// The antimony story with its eight shipments; every record gets the dollars that a price would give it.
fn story() -> Vec<Value> {
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/config/sample/antimony.ndjson")).unwrap();
    let mut records: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    for record in &mut records {
        if let (Some(kilograms), true) = (record["net_mass_kg"].as_f64(), record.get("customs_value").is_none()) {
            record["customs_value"] = json!({"amount": format!("{:.2}", kilograms * 20.0), "currency": "USD"});
        }
    }
    records
}

/// Probability and band of every shipment and corridor-month, with `M` in the place of the intermediary of the story.
fn verdicts((feed, intermediary): (&str, &str), records: &[Value]) -> BTreeMap<String, (f64, String)> {
    let lines: Vec<String> = records.iter().map(Value::to_string).collect();
    let knowledge = pipeline::knowledge();
    let mut movements = pipeline::movements_of(&knowledge, feed, &lines.join("\n"));
    movements.sort_by_key(|(known_from, _)| *known_from);
    let outputs = pipeline::fold(&knowledge, &movements);
    let mut verdicts = BTreeMap::new();
    for topic in [Topic::Assessments, Topic::Corridors] {
        for (key, value) in pipeline::last(&outputs, topic) {
            let key = key.trim_start_matches(&format!("{feed}:")).replace(&format!("/{intermediary}/"), "/M/");
            verdicts.insert(key, (value["probability"].as_f64().unwrap(), value["band"].as_str().unwrap().to_owned()));
        }
    }
    verdicts
}

fn unflipped() -> &'static BTreeMap<String, (f64, String)> {
    static UNFLIPPED: OnceLock<BTreeMap<String, (f64, String)>> = OnceLock::new();
    UNFLIPPED.get_or_init(|| verdicts(("story", "TH"), &story()))
}

#[track_caller]
fn check((feed, intermediary): (&str, &str), flip: impl FnOnce(&mut Vec<Value>)) {
    let mut records = story();
    flip(&mut records);
    assert_ne!(records, if feed == "story" { story() } else { Vec::new() }, "the flip changes something");
    let (expected, found) = (unflipped(), verdicts((feed, intermediary), &records));
    let spoken = |key: &&String| expected[*key].1 != "none";
    assert!(expected.keys().filter(spoken).count() > 8, "a story of which nothing is said proves nothing: {expected:?}");
    for (key, (probability, band)) in expected {
        let Some((flipped, other)) = found.get(key) else { panic!("{key} is gone") };
        assert!((probability - flipped).abs() < 0.01, "{key}: {probability} {band} became {flipped} {other}");
    }
    assert_eq!(found.len(), expected.len());
}

/// Every text value that is exactly one of these becomes the other, wherever it stands.
fn reword(value: &mut Value, words: &[(&str, &str)]) {
    match value {
        Value::String(text) => {
            if let Some((_, word)) = words.iter().find(|(from, _)| from == text) {
                *text = (*word).to_owned();
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| reword(item, words)),
        Value::Object(fields) => fields.values_mut().for_each(|field| reword(field, words)),
        _ => {}
    }
}

fn reword_all(records: &mut [Value], words: &[(&str, &str)]) {
    records.iter_mut().for_each(|record| reword(record, words));
}

#[test]
fn names_of_firms_do_not_matter() {
    check(("story", "TH"), |records| {
        for (index, record) in records.iter_mut().enumerate() {
            for party in record.get_mut("parties").and_then(Value::as_array_mut).into_iter().flatten() {
                party["name"] = format!("Sample {} No {index} GmbH", party["role"].as_str().unwrap()).into();
            }
        }
    });
}

#[test]
fn the_order_of_rows_does_not_matter() {
    check(("story", "TH"), |records| records.reverse());
}

#[test]
fn units_do_not_matter() {
    for (unit, kilograms) in [("TNE", 1000.0), ("LBR", 0.453_592_37)] {
        check(("story", "TH"), |records| {
            for record in records.iter_mut() {
                let fields = record.as_object_mut().unwrap();
                fields.remove("gross_mass_kg");
                if let Some(mass) = fields.remove("net_mass_kg") {
                    let value = (mass.as_f64().unwrap() / kilograms * 1e6).round() / 1e6;
                    fields.insert("quantity".to_owned(), json!({"value": value, "unit": unit}));
                }
            }
        });
    }
}

#[test]
fn currencies_do_not_matter() {
    let reference = pipeline::knowledge().reference;
    let today: Date = "2026-11-01".parse().unwrap();
    for currency in ["EUR", "JPY"] {
        check(("story", "TH"), |records| {
            for record in records.iter_mut().filter(|record| record["customs_value"]["currency"] == "USD") {
                let month = record.get("period").or(record.get("event_date")).unwrap().as_str().unwrap()[..7].to_owned();
                let month: Month = month.parse().unwrap();
                let (rate, _) = reference.as_of(today).dollars(currency.parse().unwrap(), month).unwrap();
                let amount: Decimal = record["customs_value"]["amount"].as_str().unwrap().parse().unwrap();
                let amount = (amount / rate).round_dp(2).to_string();
                record["customs_value"] = json!({"amount": amount, "currency": currency});
            }
        });
    }
}

#[test]
fn hong_kong_is_china() {
    check(("story", "TH"), |records| reword_all(records, &[("CN", "HK"), ("CNNGB", "HKHKG")]));
}

#[test]
fn whose_file_it_is_does_not_matter() {
    check(("another-file", "TH"), |_| {});
}

#[test]
fn another_intermediary_with_the_same_facts_gets_the_same_verdict() {
    for (intermediary, port) in [("MY", "MYPKG"), ("KH", "KHSHV"), ("PH", "PHMNL")] {
        check(("story", intermediary), |records| {
            // Another country's goods take the place of those that this one's took.
            assert!(
                records.iter().all(|record| !record.to_string().contains(&format!("\"{intermediary}\""))),
                "{intermediary} has rows"
            );
            reword_all(records, &[("TH", intermediary), ("THLCH", port), ("THBKK", port)]);
        });
    }
}
