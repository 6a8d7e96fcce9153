//! What becomes of shipments that are older than the model's lookback.

use crate::{Place, code, stderr, stdout};

/// A bill of Chinese receipt that moved on the first day of 2022.
fn bill(id: &str, (event, known): (&str, &str), more: &str) -> String {
    format!(
        r#"{{"kind":"shipment","id":"{id}","event_date":"{event}","known_from":"{known}T00:00:00Z","hs":"282580","country_of_origin":"TH","destination":"US","place_of_receipt":"CNNGB","port_of_lading":"THLCH","net_mass_kg":20455{more}}}"#
    ) + "\n"
}

/// Of each verdict on A its record's revision, its own, and whether it stands; and the books.
fn said_of_a(place: &Place, order: &str) -> (Vec<(u64, u64, String)>, serde_json::Value) {
    let output =
        place.run(&["assess", "f.ndjson", "--order", order, "--history", "--only", "assessments", "--summary", "books.json"]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let values = stdout(&output).lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()).collect::<Vec<_>>();
    let of_a = values.iter().filter(|value| value["id"] == "f:A");
    let number = |value: &serde_json::Value, name: &str| value[name].as_u64().unwrap();
    let said = of_a
        .map(|value| (number(value, "record_revision"), number(value, "revision"), value["status"].as_str().unwrap().to_owned()));
    let said = said.collect();
    let books = std::fs::read(place.0.path().join("books.json")).unwrap();
    (said, serde_json::from_slice(&books).unwrap())
}

#[test]
fn one_older_than_the_lookback_is_known_again_and_can_be_withdrawn() {
    let place = Place::new();
    let old = bill("A", ("2022-01-01", "2022-01-10"), "");
    let later = bill("B", ("2025-03-14", "2025-04-20"), "");
    place.file("f.ndjson", &format!("{old}{later}{old}"));
    let (said, books) = said_of_a(&place, "given");
    assert_eq!(said.iter().map(|(_, revision, _)| *revision).collect::<Vec<_>>(), (1..=said.len() as u64).collect::<Vec<_>>());
    assert_eq!((&books["assessed"], &books["duplicate"]), (&2.into(), &1.into()));
    let cancelled = bill("A", ("2022-01-01", "2025-04-21"), r#","revision":2,"status":"cancelled""#);
    // It needs no origin, and without one the version that it withdraws is the one of which it speaks.
    let without_origin = cancelled.replace(r#""country_of_origin":"TH","#, "").replace(r#""port_of_lading":"THLCH","#, "");
    for (cancelled, record_revision) in [(cancelled, 2), (without_origin, 1)] {
        place.file("f.ndjson", &format!("{old}{later}{cancelled}"));
        for order in ["given", "known"] {
            let (withdrawn, books) = said_of_a(&place, order);
            assert_eq!(books["cancelled"], 1);
            let expected = (record_revision, said.len() as u64 + 1, "withdrawn".to_owned());
            assert_eq!(withdrawn.get(said.len()), Some(&expected), "{withdrawn:?}");
        }
    }
}

#[test]
fn what_becomes_known_beyond_the_lookback_is_assessed_without_its_own_evidence_in_any_order() {
    let place = Place::new();
    let late = bill("A", ("2022-01-01", "2025-04-21"), "");
    let later = bill("B", ("2025-03-14", "2025-04-22"), "");
    for lines in [format!("{late}{later}"), format!("{later}{late}")] {
        place.file("f.ndjson", &lines);
        let output = place.run(&["assess", "f.ndjson", "--only", "assessments"]);
        for line in stdout(&output).lines() {
            let value: serde_json::Value = serde_json::from_str(line).unwrap();
            let evidence = value["evidence"].as_array().unwrap();
            let speaks = evidence.iter().any(|evidence| evidence["signal"] == "R1_ROUTE_CN_LADING");
            let marks = value["quality"].as_array().is_some_and(|marks| marks.contains(&"beyond_lookback".into()));
            assert_eq!((speaks, marks), if value["id"] == "f:A" { (false, true) } else { (true, false) }, "{line}");
        }
        assert_eq!(stdout(&output).lines().count(), 2);
    }
}
