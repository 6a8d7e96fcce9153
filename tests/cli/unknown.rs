//! What is not told is unknown: marks withhold what they are of, zeros follow from whole reports alone, and never against the word of another.

use std::fmt::Write;

use serde_json::Value;

use crate::{Place, code, stderr, stdout};

const MAPPING: &str = r#"version = 1
name = "flows"
kind = "trade_flow"
[envelope]
format = "csv"
[fields]
reporter = "reporter"
partner = "partner"
flow = "flow"
period = "month"
hs = "hs"
customs_value = { column = "usd", currency = { const = "USD" } }
net_mass_kg = "kg"
[meaning]
known_after_days = 30
mass_estimated = { column = "mark", equals = "estimated" }
mass_shared = { column = "mark", equals = "shared" }
incomplete = { column = "mark", equals = "incomplete" }
"#;

/// A row a month from June 2022 to June 2025: tonnes before and from December 2024 on, USD 12,000 a tonne, of a mark.
fn rows((reporter, flow, partner): (&str, &str, &str), hs: &str, (before, after): (f64, f64), mark: &str) -> String {
    let mut text = String::new();
    for month in 5..42 {
        let tonnes = if month < 35 { before } else { after };
        let (year, month) = (2022 + month / 12, month % 12 + 1);
        let (kg, usd) = (tonnes * 1e3, tonnes * 12e3);
        writeln!(text, "{reporter},{partner},{flow},{year}-{month:02},{hs},{usd},{kg},{mark}").unwrap();
    }
    text
}

/// The last corridor-month of Thailand and the US.
#[track_caller]
fn last(rows: &str) -> Value {
    let place = Place::new();
    place.file("flows.toml", MAPPING);
    place.file("flows.csv", &format!("reporter,partner,flow,month,hs,usd,kg,mark\n{rows}"));
    let output = place.run(&["assess", "flows.csv", "--as", "./flows.toml", "--only", "corridors"]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let values = stdout(&output).lines().map(|line| serde_json::from_str::<Value>(line).unwrap()).collect::<Vec<_>>();
    values.into_iter().find(|value| value["id"] == "SB/TH/US/2025-06").unwrap()
}

const SURGE: (f64, f64) = (20.0, 500.0);

fn second(mark: &str) -> String {
    rows(("US", "import", "TH"), "282580", SURGE, mark)
}

fn first(mark: &str) -> String {
    rows(("TH", "import", "CN"), "282580", SURGE, mark)
}

fn signals(corridor: &Value) -> Vec<&str> {
    corridor["evidence"].as_array().unwrap().iter().map(|of| of["signal"].as_str().unwrap()).collect()
}

#[test]
fn a_mark_on_the_mass_withholds_it() {
    let plain = last(&(second("") + &first("")));
    assert_eq!((signals(&plain), &plain["band"]), (vec!["C1_MASS_BALANCE", "T1_EVENT_SURGE"], &"review".into()), "{plain}");
    for mark in ["estimated", "shared", "incomplete"] {
        let corridor = last(&(second(mark) + &first("")));
        assert_eq!((signals(&corridor), &corridor["coverage"]["time"]), (vec![], &"not_observable".into()), "{mark}: {corridor}");
        // Of the first leg: the second is seen alone.
        let corridor = last(&(second("") + &first(mark)));
        assert_eq!(signals(&corridor), ["T1_EVENT_SURGE"], "{mark}: {corridor}");
        assert!(corridor["probability"].as_f64() < plain["probability"].as_f64(), "{mark}: {corridor}");
    }
}

#[test]
fn an_answer_that_was_cut_off_says_nothing_of_whom_it_does_not_name() {
    // Thailand's imports from Belgium: in a whole answer nothing came from China, in one that was cut off nobody knows.
    let belgian = |mark| rows(("TH", "import", "BE"), "282580", (5.0, 5.0), mark);
    let whole = last(&(second("") + &belgian("")));
    assert_eq!(whole["coverage"]["corridor"], "observed", "{whole}");
    let cut = last(&(second("") + &belgian("incomplete")));
    assert_eq!(cut["coverage"]["corridor"], "not_observable", "{cut}");
    // The same rows again, of a whole answer: now they count, in either order.
    for rows in [belgian("incomplete") + &belgian(""), belgian("") + &belgian("incomplete")] {
        assert_eq!(last(&(second("") + &rows))["balance"], whole["balance"]);
    }
}

#[test]
fn what_the_one_side_tells_stands_though_the_other_names_others_alone() {
    let exported = rows(("TH", "export", "US"), "282580", SURGE, "");
    let alone = last(&(exported.clone() + &first("")));
    assert_eq!((signals(&alone), &alone["band"]), (vec!["C1_MASS_BALANCE", "T1_EVENT_SURGE"], &"review".into()), "{alone}");
    // America's rows are of other partners, or of China, as which it may book the same goods.
    for (partner, hs) in [("BE", "282580"), ("BE", "811010"), ("CN", "282580")] {
        let with = last(&(exported.clone() + &first("") + &rows(("US", "import", partner), hs, (10.0, 10.0), "")));
        assert_eq!((signals(&with), &with["balance"]), (signals(&alone), &alone["balance"]), "{partner} {hs}: {with}");
    }
    // What Belgium says that it sold Thailand is supply, though Thailand names others alone.
    let sold = rows(("BE", "export", "TH"), "282580", SURGE, "");
    let supplied = last(&(second("") + &first("") + &sold));
    assert!(supplied["balance"]["other_imports_t"].as_f64() > Some(2000.0), "{supplied}");
}

#[test]
fn no_mass_beside_a_value_is_none_told() {
    let supplied = |kg: &str| {
        let burmese = rows(("TH", "import", "MM"), "261710", (100.0, 2000.0), "");
        let edited = burmese.lines().map(|line| {
            let mut cells: Vec<&str> = line.split(',').collect();
            cells[6] = if kg.is_empty() { cells[6] } else { kg };
            cells.join(",") + "\n"
        });
        last(&(second("") + &first("") + &edited.collect::<String>()))
    };
    let (told, zero, absent) = (supplied(""), supplied("0"), supplied(" "));
    let said = |of: &Value| ["balance", "chinese_share", "coverage", "probability"].map(|key| of[key].clone());
    assert_eq!(said(&zero), said(&absent), "{zero}");
    let corridor = |of: &Value| of["coverage"]["corridor"].clone();
    assert_eq!((corridor(&told), corridor(&zero)), ("observed".into(), "pending".into()), "{zero}");
}

#[test]
fn dollars_without_a_mass_count_by_what_the_dollars_of_others_bought() {
    // Nobody tells values but Belgium, whose row of one month has no mass: a twentieth of what Thailand imports.
    let unvalued = |text: String| {
        let line = |line: &str| {
            let mut cells: Vec<&str> = line.split(',').collect();
            cells[5] = "";
            cells.join(",") + "\n"
        };
        text.lines().map(line).collect::<String>()
    };
    let belgian = |month: &str, kg: &str| {
        let rows = rows(("TH", "import", "BE"), "282580", (5.0, 5.0), "");
        let told = format!("TH,BE,import,{month},282580,60000.0,{kg},\n");
        rows.lines().filter(|row| !row.contains(month)).map(|row| format!("{row}\n")).collect::<String>() + &told
    };
    let of = |belgian: &str| last(&(unvalued(second("") + &first("")) + belgian));
    let (whole, without) = (of(&belgian("2025-03", "5000.0")), of(&belgian("2025-03", "")));
    assert_eq!((signals(&without), &without["coverage"]), (signals(&whole), &whole["coverage"]), "{without}");
    assert!(without["complete_fraction"].as_f64() > Some(0.9), "{without}");
    // A source of many dollars and no mass at all may be anything.
    let large = rows(("TH", "import", "MM"), "261710", (500.0, 500.0), "").replace(",500000,", ",,");
    let unknown = last(&(second("") + &first("") + &large));
    assert_eq!(unknown["coverage"]["corridor"], "pending", "{unknown}");
}
