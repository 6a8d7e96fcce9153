//! Tests of the rules that a bundle must keep, of its fingerprints, and that nothing looks ahead.

use std::collections::BTreeMap;

use expect_test::{Expect, expect};
use proptest::prelude::*;

use super::*;

#[test]
fn the_fingerprint_moves_with_any_table_and_that_of_the_map_with_the_map_alone() {
    let mut files = Reference::built_in_files();
    let prints = |files: &BTreeMap<String, String>| {
        let bundle = Reference::parse(files).unwrap();
        (bundle.fingerprint().to_owned(), bundle.family_map_fingerprint().to_owned())
    };
    let before = prints(&files);
    files.get_mut("lags.csv").unwrap().push_str("BR,BR,40,an example,recalled\n");
    let after = prints(&files);
    let materials = files.get_mut("materials.csv").unwrap();
    *materials = materials.replace(",0.82,0.8354,", ",0.81,0.8354,");
    let content = prints(&files);
    assert!(content.0 != after.0 && content.1 == after.1, "contents are no part of the map");
    assert!(before.0 != after.0 && before.1 == after.1 && before.0.starts_with("sha256:"));
    files.get_mut("tariff_lines.csv").unwrap().push_str("US.9999999999,US,9999999999,SB,an example,found,high\n");
    assert_ne!(prints(&files).1, after.1);
    assert_eq!(bundle().published().get("production"), Some(&day("2026-02-28")));
}

/// Every problem, cut into lines that a reader of the test can see whole.
fn shown(problems: &[Problem]) -> String {
    let cut = |problem: &Problem| {
        problem
            .to_string()
            .replace(": ", ":\n  ")
            .replace(" (", "\n  (")
            .replace(" does not", "\n  does not")
            .replace(" and must", "\n  and must")
    };
    problems.iter().map(cut).collect::<Vec<_>>().join("\n")
}

/// Appends a row to a table of the bundle and compares the problems.
fn check(file: &str, row: &str, expected: Expect) {
    let mut files = Reference::built_in_files();
    let content = files.get_mut(file).unwrap();
    content.push_str(row);
    content.push('\n');
    let problems = Reference::parse(&files).map(|_| ()).unwrap_err();
    let lines = shown(&problems);
    expected.assert_eq(&lines);
}

#[test]
fn problems_name_the_cell_and_what_to_do() {
    check(
        "capacity.csv",
        "SB.TH.X,SB,TH,-5,2025-13-01,,an example,found,high",
        expect![[r#"
        capacity.csv row 63:
          known_from:
          "2025-13-01" is no date
          (YYYY-MM-DD); correct the row
        capacity.csv row 63:
          tonnes:
          "-5" is no number of zero or more; correct the row"#]],
    );
    check(
        "materials.csv",
        "ZZ.010121,ZZ,010121,ore,horses,Zz,0.9,0.5,0.7,N,material,guess,an example,found,high",
        expect![[r#"
        materials.csv row 143:
          content_mid:
          "0.5"
          does not lie between content_low and content_high, which is at most 1; correct the row
        materials.csv row 143:
          family:
          "ZZ" is no family of families.csv; correct the row"#]],
    );
    check(
        "production.csv",
        "MCS2026.SB.mine.TJ.2025,MCS2026.SB.mine,SB,mine,UK,2025,1,Y,2026-02-28,,x,found,high",
        expect![[r#"
            production.csv row 1132:
              country:
              "UK" is no country
              (ISO 3166-1 alpha-2 in capitals, EU or XX); correct the row
            production.csv row 1132:
              id:
              "MCS2026.SB.mine.TJ.2025" stands on an earlier row too; correct the row"#]],
    );
    check(
        "duties.csv",
        "D1,US,CN,all,all,2025-02-01,2025-01-01,0.1,,an example,guessed,high",
        expect![[r#"
        duties.csv row 709:
          confidence:
          "guessed" is not one of found, computed, recalled; correct the row
        duties.csv row 709:
          known_from:
          "" is missing
          (YYYY-MM-DD); correct the row
        duties.csv row 709:
          valid_to:
          "2025-01-01" is not after valid_from 2025-02-01; correct the row"#]],
    );
    check(
        "hubs.csv",
        "NL,NL,0.5",
        expect![[r#"
        hubs.csv row 5:
          "" has another number of cells than the header
          (8); correct the row"#]],
    );
}

/// Appends rows to a table of the bundle and compares what is said of the cells, without file and row.
#[track_caller]
fn refused(file: &str, rows: &str, said: &[&str]) {
    let mut files = Reference::built_in_files();
    files.get_mut(file).unwrap().push_str(&format!("{rows}\n"));
    let problems = Reference::parse(&files).map(|_| ()).unwrap_err();
    let cell = |problem: &Problem| format!("{}: {:?} {}", problem.column, problem.value, problem.rule);
    assert_eq!(problems.iter().map(cell).collect::<Vec<_>>(), said, "{rows}");
}

#[test]
fn what_is_said_by_halves_is_a_problem() {
    refused(
        "controls.csv",
        "L,ban,x,SB,282580,CN,ALL,2025-03-02,2025-03-02,,2026-03-02,2025-03-02,,2025-03-02,,,2025-03-02,N,x,found,high",
        &[
            r#"ended_known_from: "2025-03-02" stands beside an empty ended"#,
            r#"suspended_until: "2026-03-02" stands beside an empty suspended_from"#,
            r#"suspension_known_from: "2025-03-02" stands beside an empty suspended_from"#,
        ],
    );
    let missing = "is missing beside the others (all three, or none of goods that are counted in pieces)";
    refused(
        "materials.csv",
        "SB.010121,SB,010121,ore,horses,Sb,,0.5,,N,material,guess,an example,found,high",
        &[&format!(r#"content_high: "" {missing}"#), &format!(r#"content_low: "" {missing}"#)],
    );
}

#[test]
fn codes_that_would_bind_nothing_are_problems() {
    let control = |families: &str, hs6: &str, partial: &str| {
        format!("L,ban,x,{families},{hs6},CN,ALL,2025-03-02,2025-03-02,,,,,,{partial},,2025-03-02,N,x,found,high")
    };
    let of_no_family = "names no code that materials.csv lists for a family of the row (empty: all of theirs)";
    refused("controls.csv", &control("SB", "282581", ""), &[&format!(r#"hs6: "282581" {of_no_family}"#)]);
    refused(
        "controls.csv",
        &control("SB", "282580;999999", ""),
        &[
            r#"hs6: "282580;999999" holds something other than subheadings of chapters 01 to 97 (282580, GA:811292 or *:381800, ; between them)"#,
        ],
    );
    refused(
        "controls.csv",
        &control("GA", "811292;GA:282580", ""),
        &[r#"hs6: "811292;GA:282580" names 282580 for GA, which materials.csv does not list there"#],
    );
    refused(
        "controls.csv",
        &control("SB", "282580", "282850"),
        &[r#"partial_hs6: "282850" holds 282850, which does not stand in hs6"#],
    );
}

#[test]
fn a_control_binds_nothing_of_a_family_of_which_it_names_nothing() {
    let bound = |families: &str, hs6: &str| -> Vec<String> {
        let row = format!("L,ban,x,{families},{hs6},CN,DE,2018-01-01,2018-01-01,,,,,,,,2018-01-01,N,x,found,high");
        let bundle = grown(&[("controls.csv", row.as_str())]);
        let as_of = bundle.as_of(day("2025-06-01"));
        let is_bound = |of: &&str| as_of.measures(family(of), country("DE")).iter().any(|measure| measure.row == "controls/L");
        ["GA", "GE", "SB", "H811292", "H9403", "H940360", "H6109"].into_iter().filter(is_bound).map(str::to_owned).collect()
    };
    // A basket is bound, in part, by whatever names its code.
    assert_eq!(bound("GA;GE", "GA:811292"), ["GA", "H811292"]);
    assert_eq!(bound("GA;GE", "811292"), ["GA", "GE", "H811292"]);
    assert_eq!(bound("*", "940360"), ["H9403", "H940360"]);
    assert_eq!(bound("*", ""), ["GA", "GE", "SB", "H811292", "H9403", "H940360", "H6109"]);
}

#[test]
fn percentages_and_short_years_are_problems() {
    refused(
        "duties.csv",
        "L,US,CN,282580,all,2025-02-01,,25,2025-02-01,x,found,high",
        &[r#"rate: "25" is above 5, which is 500 %: a fraction of the value is meant, 0.25 for 25 %"#],
    );
    let year = r#"year: "24" is no year (four digits)"#;
    refused("production.csv", "L.SB.mine.TH.24,L.SB.mine,SB,mine,TH,24,5,Y,2025-12-31,,x,found,high", &[year]);
    refused("hubs.csv", "NL,NL,0.5,24,2025-12-31,x,found,high", &[year]);
    refused("unit_values.csv", "L,010121,0,0,x,found", &[r#"high_usd_per_kg: "0" is not above zero"#]);
}

#[test]
fn two_rows_for_one_fact_are_a_problem() {
    for (file, rows, said) in [
        ("lags.csv", "L,US,40,x,found", r#"reporter: "US" has a lag on an earlier row too"#),
        (
            "exchange_rates.csv",
            "L,EUR,2025-03,1.1,2025-04-01,x",
            r#"currency: "EUR" has a rate of the same month on an earlier row too"#,
        ),
        ("exchange_rates.csv", "L,USD,,1,1970-01-01,x", r#"currency: "USD" has a rate of the same month on an earlier row too"#),
        ("ports.csv", "L,schedule-k,57000,TH,X,,,x", r#"code: "57000" has a port on an earlier row too"#),
        (
            "text_codes.csv",
            "L,Trioxide;ANTIMONY,811010,x,computed",
            r#"all: "Trioxide;ANTIMONY" has its words on an earlier row too"#,
        ),
        ("unit_values.csv", "L,282580,1,2,x,found", r#"hs6: "282580" has a row on an earlier row too"#),
        ("hubs.csv", "L,HK,0.5,2024,2025-12-31,x,found,high", r#"country: "HK" has a share on an earlier row too"#),
        (
            "capacity.csv",
            "L,SB,KR,5,2025-06-30,,x,found,high",
            r#"country: "KR" has a capacity that was known on the same day on an earlier row too"#,
        ),
        ("tariff_lines.csv", "L,US,8112921000,GE,x,found,high", r#"line: "8112921000" has a family on an earlier row too"#),
    ] {
        refused(file, rows, &[said]);
    }
}

/// The bundle with rows behind those of its tables.
fn grown(rows: &[(&str, &str)]) -> Reference {
    let mut files = Reference::built_in_files();
    rows.iter().for_each(|(file, row)| files.get_mut(*file).unwrap().push_str(&format!("{row}\n")));
    Reference::parse(&files).unwrap()
}

#[test]
fn words_that_name_a_code_may_have_capitals() {
    let bundle = grown(&[("text_codes.csv", "L,Testium;OXIDE,282580,x,computed")]);
    assert_eq!(bundle.families().code_from_text("testium oxide"), Some(code("282580")));
}

#[test]
fn what_is_recalled_or_of_low_certainty_weighs_nothing_in_any_table_of_evidence() {
    for sure in ["found,low", "recalled,high"] {
        let row = |row: &str| format!("{row},x,{sure}");
        let bundle = grown(&[
            ("controls.csv", &*row("L,ban,x,SB,282580,CN,US,2018-01-01,2018-01-01,,,,,,,,2018-01-01,N")),
            ("duties.csv", &*row("L,US,CN,282580,all,2018-01-01,,0.3,2018-01-01")),
            ("production.csv", &*row("MCS2025.SB.mine.TH.2024,MCS2025.SB.mine,SB,mine,TH,2024,9000,Y,2025-01-31,")),
            ("capacity.csv", &*row("L,SB,TH,9000,2025-01-31,")),
            ("hubs.csv", &*row("L,TH,0.5,2023,2024-01-01")),
        ]);
        let (date, sb) = (day("2025-06-01"), family("SB"));
        let (before, after) = (super::bundle().as_of(date), bundle.as_of(date));
        let measures = after.measures(sb, country("US"));
        let control = measures.iter().find(|measure| measure.row == "controls/L").unwrap();
        assert!(control.weightless, "{sure}");
        let duty = |as_of: AsOf<'_>| as_of.duty(Country::CHINA, country("US"), code("282580"), date);
        assert_eq!(duty(before), duty(after));
        let shown = after.duties_without_weight(Country::CHINA, country("US"), code("282580"), date);
        assert_eq!(shown, ["duties/L"]);
        assert_eq!(after.duties_without_weight(country("TH"), country("US"), code("282580"), date), [""; 0]);
        assert_eq!(after.capacity(sb, country("TH")), None);
        assert_eq!(after.reexport_share(country("TH")), None);
        // The table lists it, so that it is not among those who make next to nothing; how much it makes is unknown.
        assert_eq!(after.production(sb, country("TH"), 2024), Production::Unknown);
        assert_eq!(before.production(sb, country("LA"), 2024), after.production(sb, country("LA"), 2024));
    }
}

#[test]
fn what_binds_in_the_european_union_binds_in_its_members() {
    let bundle = grown(&[
        ("controls.csv", "L,ban,x,SB,282580,CN,EU,2018-01-01,2018-01-01,,,,,,,,2018-01-01,N,x,found,high"),
        ("duties.csv", "L,EU,CN,282580,all,2018-01-01,,0.3,2018-01-01,x,found,high"),
    ]);
    let as_of = bundle.as_of(day("2025-06-01"));
    let duty = |origin: &str, destination: &str| {
        as_of.duty(country(origin), country(destination), code("282580"), day("2025-06-01")).map(|duty| duty.rate)
    };
    for (at, binds) in [("DE", true), ("EU", true), ("CH", false), ("GB", false)] {
        let is_bound = as_of.measures(family("SB"), country(at)).iter().any(|measure| measure.row == "controls/L");
        assert_eq!((is_bound, duty("CN", at), duty("TH", at)), (binds, binds.then_some(0.3), binds.then_some(0.0)), "{at}");
    }
}

/// Such a row would look ahead in every replay.
#[test]
fn what_claims_to_be_known_before_it_was_there_is_a_problem() {
    check(
        "controls.csv",
        "L,ban,x,SB,282580,CN,ALL,2025-03-02,2025-03-02,,,,,,,,2025-03-01,N,x,found,high",
        expect![[r#"
        controls.csv row 56:
          known_from:
          "2025-03-01" lies before it was announced
          (2025-03-02), when nobody could know it; correct the row"#]],
    );
    check(
        "controls.csv",
        "L,ban,x,SB,282580,CN,ALL,2025-03-02,2025-03-02,2025-05-01,,2025-03-01,2025-06-01,2025-02-01,,,2025-03-02,N,x,found,high",
        expect![[r#"
        controls.csv row 56:
          ended_known_from:
          "2025-02-01" lies before the measure was announced
          (2025-03-02), when nobody could know it; correct the row
        controls.csv row 56:
          suspension_known_from:
          "2025-03-01" lies before the measure was announced
          (2025-03-02), when nobody could know it; correct the row"#]],
    );
    check(
        "hubs.csv",
        "NL,NL,0.5,2024,2024-12-31,x,found,high",
        expect![[r#"
        hubs.csv row 5:
          known_from:
          "2024-12-31" lies before its year was over
          (2025-01-01), when nobody could know it; correct the row"#]],
    );
    check(
        "production.csv",
        "L.SB.mine.TH.2025,L.SB.mine,SB,mine,TH,2025,5,Y,2025-12-31,,x,found,high",
        expect![[r#"
        production.csv row 1132:
          known_from:
          "2025-12-31" lies before its year was over
          (2026-01-01), when nobody could know it; correct the row"#]],
    );
    check(
        "exchange_rates.csv",
        "X.2025-03,VND,2025-03,1.1,2025-03-31,x",
        expect![[r#"
            exchange_rates.csv row 2701:
              known_from:
              "2025-03-31" lies before its month was over
              (2025-04-01), when nobody could know it; correct the row"#]],
    );
}

#[test]
fn a_missing_table_an_unknown_one_and_other_columns_are_problems() {
    let mut files = Reference::built_in_files();
    files.remove("lags.csv");
    files.insert("hubs.csv".to_owned(), "id,country\n".to_owned());
    files.insert("lag.csv".to_owned(), String::new());
    let problems = Reference::parse(&files).map(|_| ()).unwrap_err();
    let lines = shown(&problems);
    expect![[r#"
        hubs.csv:
          the columns are id,country
          and must be id,country,reexport_share,year,known_from,source,confidence,certainty; correct the table
        lag.csv:
          is no table of the bundle
          (the nearest name is lags.csv); correct the table
        lags.csv:
          the table is missing; correct the table"#]]
    .assert_eq(&lines);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Rows that become known after a date change nothing of what was known on it.
    #[test]
    fn what_becomes_known_later_changes_nothing_before(days in 1i64..900, later in 1i64..900, tonnes in 1u32..1_000_000) {
        let date = day("2024-06-01").saturating_add(jiff::Span::new().days(days));
        let known = date.saturating_add(jiff::Span::new().days(later));
        let mut files = Reference::built_in_files();
        let mut add = |file: &str, row: String| files.get_mut(file).unwrap().push_str(&format!("{row}\n"));
        add("production.csv", format!("own.SB.mine.TH.2023,own.SB.mine,SB,mine,TH,2023,{tonnes},Y,{known},,x,found,high"));
        add("capacity.csv", format!("L.SB.TH,SB,TH,{tonnes},{known},,x,found,high"));
        add("duties.csv", format!("L,US,CN,282580,all,2018-01-01,,0.5,{known},x,found,high"));
        add("controls.csv", format!("L,ban,x,SB,282580,CN,ALL,2018-01-01,2018-01-01,,,,,,,,{known},N,x,found,high"));
        add("hubs.csv", format!("L,TH,0.5,2023,{known},x,found,high"));
        let grown = Reference::parse(&files).unwrap();
        for at in ["TH", "KR", "US", "DE"] {
            let (before, after) = (bundle().as_of(date), grown.as_of(date));
            let (sb, at) = (family("SB"), country(at));
            prop_assert_eq!(before.measures(sb, at), after.measures(sb, at));
            prop_assert_eq!(before.production(sb, at, 2023), after.production(sb, at, 2023));
            prop_assert_eq!(before.capacity(sb, at), after.capacity(sb, at));
            prop_assert_eq!(before.reexport_share(at), after.reexport_share(at));
            let duty = |as_of: AsOf<'_>| as_of.duty(Country::CHINA, at, code("282580"), date);
            prop_assert_eq!(duty(before), duty(after));
        }
        let seen = grown.as_of(known).production(family("SB"), country("TH"), 2023);
        let listed = Production::Listed { tonnes: f64::from(tonnes), row: "production/own.SB.mine.TH.2023".to_owned() };
        prop_assert!(seen == listed);
    }
}
