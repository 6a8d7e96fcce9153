//! Where something is said of a shipment, and where it counts.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::{FLOWS, Place, stdout};

/// A version of a bill from TH to JP.
fn bill(id: &str, hs: &str, (revision, status): (u32, &str), day: &str) -> String {
    format!(
        r#"{{"kind":"shipment","id":"{id}","revision":{revision},"status":"{status}","event_date":"2025-01-07","known_from":"{day}T00:00:00Z","hs":"{hs}","country_of_origin":"TH","destination":"JP","net_mass_kg":3067}}"#
    ) + "\n"
}

/// What is printed of a file of records, value by value.
fn assessed(records: &str, arguments: &[&str]) -> Vec<Value> {
    let place = Place::new();
    place.file("bills.ndjson", records);
    let printed = stdout(&place.run(&[&["-q", "assess", "bills.ndjson"], arguments].concat()));
    printed.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn where_a_shipment_is_no_longer_or_not_yet_at_home_nothing_is_said_of_it() {
    // Magnets are context of rare earths, and not the other way round.
    let bills = [
        bill("A", "284690", (1, "active"), "2025-01-15"),
        bill("A", "850511", (2, "active"), "2025-02-02"),
        bill("B", "850511", (1, "active"), "2025-01-15"),
        bill("B", "284690", (2, "cancelled"), "2025-02-03"),
    ];
    let said = assessed(&bills.concat(), &["--history", "--only", "assessments"]);
    let said: BTreeSet<[&str; 3]> =
        said.iter().map(|value| ["id", "family", "status"].map(|name| value[name].as_str().unwrap())).collect();
    let wanted = [["bills:A", "H850511", "active"], ["bills:A", "REE", "active"], ["bills:B", "H850511", "active"]];
    assert_eq!(said, wanted.into());
}

#[test]
fn a_corridor_counts_the_shipments_that_hold() {
    let bill = |id: &str, version: (u32, &str)| bill(id, "282580", version, "2025-02-01").replace("JP", "US");
    // All of it is known before the corridor is first spoken of.
    let bills = ["A", "B", "C"].map(|id| bill(id, (1, "active"))).concat();
    let counted = |bills: &str| {
        let corridors = assessed(&format!("{bills}{FLOWS}"), &["--only", "corridors"]);
        let corridor = corridors.iter().find(|corridor| corridor["id"] == "SB/TH/US/2025-01").unwrap();
        corridor["shipments"]["assessed"].as_u64().unwrap()
    };
    assert_eq!(counted(&bills), 3);
    assert_eq!(counted(&(bills + &bill("B", (2, "cancelled")))), 2);
}
