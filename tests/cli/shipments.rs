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

/// Id, family and status of what was said of shipments, in this order.
fn said(records: &str, arguments: &[&str]) -> Vec<[String; 3]> {
    let said = assessed(records, &[&["--history", "--only", "assessments"], arguments].concat());
    said.iter().map(|value| ["id", "family", "status"].map(|name| value[name].as_str().unwrap().to_owned())).collect()
}

#[test]
fn a_cancellation_finds_its_record_wherever_its_code_may_have_led() {
    // Home by words, and by an edition that is not the one of its year.
    let gallium = bill("G", "811292", (1, "active"), "2025-01-15").replace(r#","hs""#, r#","description":"GALLIUM METAL","hs""#);
    let cells = bill("V", "854140", (1, "active"), "2025-01-15").replace(r#","hs""#, r#","hs_version":"2017","hs""#);
    let bare = |bill: String| bill.replace(r#""country_of_origin":"TH","#, "");
    let cancelled = [("G", "811292"), ("V", "854140")].map(|(id, hs)| bare(bill(id, hs, (2, "cancelled"), "2025-02-03")));
    let (records, cancelled) = (gallium + &cells, cancelled.concat());
    let withdrawn = [["bills:G", "GA", "withdrawn"], ["bills:V", "H854140", "withdrawn"]];
    for (lines, order) in [(records.clone() + &cancelled, "known"), (cancelled.clone() + &records, "given")] {
        let said = said(&lines, &["--order", order]);
        for [id, family, status] in withdrawn {
            let of_id: Vec<&[String; 3]> = said.iter().filter(|said| said[0] == id).collect();
            assert!(of_id.iter().all(|said| said[1] == family), "{said:?}");
            assert_eq!(of_id.last().map(|said| said[2].as_str()), Some(status), "{said:?}");
        }
    }
    let place = Place::new();
    place.file("bills.ndjson", &(records + &cancelled));
    let summary = |name: &str| {
        place.run(&["-q", "assess", "bills.ndjson", "--summary", "books.json"]);
        let books: Value = serde_json::from_str(&std::fs::read_to_string(place.0.path().join("books.json")).unwrap()).unwrap();
        books[name].as_u64().unwrap()
    };
    // Each withdraws one, wherever else it looked for it.
    assert_eq!((summary("assessed"), summary("cancelled")), (2, 2));
}

#[test]
fn what_moved_to_another_family_is_withdrawn_there_alone() {
    let tell = |description: &str, version, day: &str| {
        let bill = bill("G", "811292", version, day);
        bill.replace(r#","hs""#, &format!(r#","description":"{description}","hs""#))
    };
    let told = [
        tell("germanium metal", (1, "active"), "2025-01-15"),
        tell("gallium metal", (2, "active"), "2025-01-20"),
        bill("G", "811292", (3, "cancelled"), "2025-02-03"),
    ];
    for order in [[0, 1, 2], [0, 2, 1], [2, 1, 0]] {
        let said = said(&order.map(|at| told[at].as_str()).concat(), &["--order", "given"]);
        let withdrawn: BTreeSet<&str> = said.iter().filter(|said| said[2] == "withdrawn").map(|said| said[1].as_str()).collect();
        assert!(withdrawn.contains("GA") && said.last().unwrap()[2] == "withdrawn", "{order:?} {said:?}");
        assert!(order == [0, 2, 1] || !withdrawn.contains("GE"), "{order:?} {said:?}");
    }
}

#[test]
fn a_withdrawn_verdict_is_the_last_word() {
    let surge = |pair| bismuth(pair, ("810610", "2022"), (5, 160));
    let flows = surge(("US", "LA")) + &surge(("LA", "CN"));
    let bill = |id: &str, version, day: &str| {
        let bill = bill(id, "810610", version, day).replace(r#""TH","destination":"JP""#, r#""LA","destination":"US""#);
        bill.replace("2025-01-07", "2025-06-10")
    };
    let bills = [bill("x", (1, "active"), "2025-06-12"), bill("y", (1, "active"), "2025-06-12")].concat();
    let said = assessed(&(flows + &bills + &bill("x", (2, "cancelled"), "2025-06-20")), &["--history", "--only", "assessments"]);
    let of = |id: &str| -> Vec<&Value> { said.iter().filter(|value| value["id"] == id).collect() };
    // The corridor goes on, and with it what is said of the other.
    assert!(of("bills:y").len() > 1 && of("bills:y").last().unwrap()["band"] != "none", "{said:?}");
    let withdrawn = of("bills:x").iter().filter(|value| value["status"] == "withdrawn").count();
    assert_eq!((withdrawn, &of("bills:x").last().unwrap()["status"]), (1, &"withdrawn".into()), "{said:?}");
}

/// A month's total of bismuth in tonnes, from June 2022 to June 2025: so much before February 2025, so much since.
fn bismuth((reporter, partner): (&str, &str), (hs, version): (&str, &str), (before, since): (u32, u32)) -> String {
    let row = |month: u32| {
        let (year, of_year, tonnes) = (2022 + month / 12, month % 12 + 1, if month < 37 { before } else { since });
        format!(
            r#"{{"kind":"trade_flow","reporter":"{reporter}","partner":"{partner}","flow":"import","period":"{year}-{of_year:02}","hs":"{hs}","hs_version":"{version}","net_mass_kg":{tonnes}000}}"#
        ) + "\n"
    };
    (5..42).map(row).collect()
}

#[test]
fn a_code_that_was_divided_within_one_family_counts_there_and_once() {
    let told = |leg: &str| {
        let out = bismuth(("US", "LA"), ("810610", "2022"), (5, 160));
        let corridors = assessed(&(out + leg), &["--only", "corridors"]);
        assert!(corridors.iter().all(|corridor| corridor["family"] == "BI"), "{corridors:?}");
        let corridor = corridors.into_iter().find(|corridor| corridor["id"] == "BI/LA/US/2025-06").unwrap();
        (corridor["balance"]["chinese_imports_t"].as_f64().unwrap(), corridor["band"].as_str().unwrap().to_owned())
    };
    let first = |hs: &str, version: &str| bismuth(("LA", "CN"), (hs, version), (20, 180));
    // Five months of 180 t and one of 20.
    let (today, older) = (told(&first("810610", "2022")), told(&first("810600", "2017")));
    assert!((today.0 - 920.0 * 0.9999).abs() < 0.1 && (older.0 - 920.0 * 0.98495).abs() < 0.1, "{today:?} {older:?}");
    assert_eq!((today.1.as_str(), older.1.as_str()), ("review", "review"));
    // Told in both editions it is the same trade.
    assert_eq!(told(&(first("810610", "2022") + &first("810600", "2017"))), today);
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
