//! The large data sets in one log: both balances hold exactly, and what is missing is not taken for zero.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that finds something else than it expects stops there")]

#[path = "support/house.rs"]
mod house;
#[path = "support/pipeline.rs"]
mod pipeline;
#[path = "support/sets.rs"]
mod sets;

use std::collections::BTreeMap;

use entrepot::encode::Topic;
use house::{House, check_books};
use serde_json::Value;
use sets::files;

#[test]
fn both_balances_hold_over_a_hundred_thousand_real_rows_in_one_log() {
    let Some(shared) = pipeline::shared() else { return };
    let house = House::new(&[("korea", "korea-declarations"), ("census", "census-2024"), ("china", "china-months")]);
    for (feed, file) in files(&shared.join("data")) {
        house.feed(&file, feed);
    }
    let page = house.serve_to_the_end((&[], &[]), "2025-12-31");
    let (accepted, excluded, dead) = check_books(&page, &mut house.log(), &["korea", "census", "china"]);
    assert_eq!(accepted + excluded + dead, 54_000 + 7_337 + 33_036 + 6_442);
    assert!(accepted > 98_000, "{accepted} accepted, {excluded} excluded, {dead} dead letters");
    // Fed again, nothing is counted again: the files are known.
    for (feed, file) in files(&shared.join("data")) {
        house.feed(&file, feed);
    }
    assert_eq!(house.lag(&house.log()), (0, 0));
}

/// Corridors that the Census files of 2024 make, last revision.
fn census_corridors() -> Option<Vec<Value>> {
    let data = pipeline::shared()?.join("data");
    let house = House::new(&[]);
    let files: Vec<String> =
        files(&data).into_iter().filter(|(feed, _)| *feed == "census").map(|(_, file)| file.display().to_string()).collect();
    let mut arguments =
        vec!["-q", "assess", "--as", "census-2024", "--feed", "census", "--only", "corridors", "--format", "ndjson"];
    arguments.extend(files.iter().map(String::as_str));
    let corridors = house.done(&arguments);
    Some(corridors.lines().map(|line| serde_json::from_str(line).unwrap()).collect())
}

#[test]
fn dollars_without_the_first_leg_say_nothing_of_any_corridor_of_2024() {
    let Some(corridors) = census_corridors() else { return };
    for corridor in &corridors {
        assert_eq!(corridor["band"], "none", "{corridor:#}");
        assert_eq!(corridor["chinese_share"]["low"], 0.0, "{corridor:#}");
        assert_eq!(corridor["chinese_share"]["high"], 1.0, "{corridor:#}");
        assert_eq!(corridor["month"], "2024-12", "a year belongs to its last month: {corridor:#}");
        assert!(corridor["intermediary"] != "CN" && corridor["destination"] == "US", "{corridor:#}");
    }
    // Which materials have corridors, and with whom: it is the rows of the files that decide, not what is known of M's imports.
    let mut partners: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for corridor in corridors.iter().filter(|corridor| !is_heading(corridor["family"].as_str().unwrap())) {
        partners.entry(corridor["family"].as_str().unwrap()).or_default().push(corridor["intermediary"].as_str().unwrap());
    }
    let check = |family: &str, expected: &str| {
        let expected: Vec<&str> = expected.split(' ').collect();
        assert_eq!(partners[family], expected, "{family}");
    };
    check("SB", "AU CA DO EU GB ID IN JP KR MX PH TH TR TW VN");
    check("GA", "CA EU JP KR SK TW");
    check("GE", "CA EU GB JP KR SG TW");
    check("BI", "CA CH EU GB JP KR MX TW");
    check("C_NAT", "AE BR CA CO EG EU GB ID IN JP KR LK MX NO PK TH TR TW");
    let materials: usize =
        partners.iter().filter(|(family, _)| !family.starts_with('H')).map(|(_, partners)| partners.len()).sum();
    assert_eq!(materials, 345, "corridors of single materials: {partners:?}");
}

/// Families of HS headings: `H` and four digits. Baskets have six.
fn is_heading(family: &str) -> bool {
    family.len() == 5 && family.starts_with('H')
}

#[test]
fn a_record_without_mass_moves_neither_signal_nor_share() {
    let base =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/scenarios/antimony-chinese-oxide.ndjson")).unwrap();
    let mut extended = base.clone();
    for index in 0..24 {
        let (period, known) = (format!("{}-{:02}", 2023 + index / 12, index % 12 + 1), format!("2025-03-{:02}", index + 1));
        // Another subheading of the family, so that no row of the scenario is replaced: into M, out of M, from elsewhere.
        for (reporter, partner, flow) in
            [("TH", "CN", "import"), ("CN", "TH", "export"), ("US", "TH", "import"), ("US", "JP", "import")]
        {
            extended += &format!(
                r#"{{"kind":"trade_flow","reporter":"{reporter}","partner":"{partner}","flow":"{flow}","period":"{period}","hs":"811090","hs_version":"2022","customs_value":{{"amount":"90000000","currency":"USD"}},"known_from":"{known}T00:00:00Z"}}"#
            );
            extended += "\n";
        }
        extended += &format!(
            r#"{{"kind":"shipment","id":"NOMASS{index}/1","event_date":"2025-02-10","known_from":"{known}T00:00:00Z","hs":"2825800000","hs_version":"2022","country_of_origin":"TH","destination":"US","customs_value":{{"amount":"900000","currency":"USD"}}}}"#
        );
        extended += "\n";
    }
    let until = Some("2025-05-01".parse().unwrap());
    let corridors =
        |lines: &str| pipeline::last(&pipeline::as_known_until(&pipeline::knowledge(), lines, until), Topic::Corridors);
    let (before, after) = (corridors(&base), corridors(&extended));
    let said = |corridor: &Value| {
        let evidence = corridor["evidence"].as_array().unwrap().iter();
        let moved =
            evidence.filter(|evidence| ["C1_MASS_BALANCE", "T1_EVENT_SURGE"].iter().any(|code| evidence["signal"] == *code));
        let weights: Vec<Value> = moved.map(|evidence| serde_json::json!([evidence["signal"], evidence["weight"]])).collect();
        (weights, corridor["chinese_share"].clone())
    };
    let mut spoke = 0;
    for (key, corridor) in &before {
        spoke += said(corridor).0.len();
        assert_eq!(said(&after[key]), said(corridor), "{key}");
    }
    assert!(spoke > 4, "both signals speak in the scenario, else this proves nothing");
}
