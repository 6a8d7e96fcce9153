//! Labels as people keep them: what is read, what is passed over with its reason, what is refused.

use super::*;

const HEADER: &str = "case_id,family_id,hs6,intermediary,destination,period_start,period_end,label,known_from,notes\n";

fn read(rows: &str) -> Result<Labels, LabelError> {
    let home = |code: HsSubheading| if code.to_string() == "282580" { "SB" } else { "H811292" }.parse().unwrap();
    Labels::read(&format!("{HEADER}{rows}"), (&home, &|family| ["SB", "GA", "REE"].contains(&family.to_string().as_str())))
}

#[test]
fn a_row_names_its_corridors_and_when_it_became_known() {
    let labels = read("A,SB,282580,TH;MX,US,2024-12,2025-05,1,2025-07-09,\nB,FE,4412,VN,EU,2018,2019,0,2020,\n").unwrap();
    let shown = |label: &Label| {
        let all = |items: Vec<String>| items.join("+");
        format!(
            "{} {} {} {} {}..{} {:?} {}",
            label.row,
            all(label.families.iter().map(ToString::to_string).collect()),
            all(label.intermediaries.iter().map(|country| country.code().to_owned()).collect()),
            all(label.destinations.iter().map(|country| country.code().to_owned()).collect()),
            label.months.0,
            label.months.1,
            label.is_rerouting,
            label.known_from
        )
    };
    assert_eq!(
        labels.rows.iter().map(shown).collect::<Vec<_>>(),
        [
            "2 SB TH+MX US 2024-12..2025-05 Some(true) 2025-07-09",
            // A year's last day: before it nobody can be shown to have known.
            "3 H4412 VN EU 2018-01..2019-12 Some(false) 2020-12-31",
        ]
    );
}

#[test]
fn a_row_without_a_corridor_is_counted_with_its_reason() {
    let rows = "A,SB,282580,unnamed countries,US,2024,2024,1,2025-07-09,\nB,SB,282580,MY,?,2024,2024,,2025-07-09,\nC,MIXED,,KR,US,,,1,2025-05-29,\n";
    let labels = read(rows).unwrap();
    assert_eq!(labels.rows, []);
    let why: Vec<String> = labels.unusable.iter().map(|row| format!("{} {} {}", row.row, row.case, row.why)).collect();
    assert_eq!(
        why,
        [
            "2 A intermediary \"unnamed countries\" is no country",
            "3 B destination \"?\" is no country",
            "4 C neither family_id \"MIXED\" nor hs6 \"\" names goods",
        ]
    );
}

#[test]
fn goods_that_are_made_where_they_come_from_have_their_origin_for_m() {
    let read = |origin: &str, intermediary: &str| {
        let table = format!(
            "case_id,hs6,origin,intermediary,destination,period_start,period_end,label,known_from\nN,282580,{origin},{intermediary},US,2024,2025,0,2026-02\n"
        );
        let labels = Labels::read(&table, (&|_| "SB".parse().unwrap(), &|_| true)).unwrap();
        let m = labels.rows.first().map(|label| label.intermediaries.iter().map(|country| country.code().to_owned()).collect());
        (m, labels.unusable.first().map(|row| row.why.clone()))
    };
    let of = |codes: &[&str]| Some(codes.iter().map(|code| (*code).to_owned()).collect::<Vec<_>>());
    assert_eq!(read("VN", "(mine and refinery)"), (of(&["VN"]), None));
    assert_eq!(read("AU", "MY"), (of(&["MY"]), None), "whoever passes goods on is M, wherever they were made");
    assert_eq!(read("CN", "Vietnam (smelter)"), (None, Some("intermediary \"Vietnam (smelter)\" is no country".to_owned())));
    assert_eq!(read("mixed", "(smelter)"), (None, Some("origin \"mixed\" is no country".to_owned())));
}

#[test]
fn a_part_of_a_row_that_is_unknown_is_named_and_the_rest_is_scored() {
    let labels = read("g,NOPE;SB,282580;81x;81x1,MX;ZZ,ES;Spain;XX,2024-01,2025-06,1,2025-12-17,\n").unwrap();
    let Label { families, intermediaries, destinations, .. } = labels.rows.first().unwrap();
    let codes = |countries: &[Country]| countries.iter().map(|country| country.code().to_owned()).collect::<Vec<_>>();
    assert_eq!((families.len(), codes(intermediaries), codes(destinations)), (1, vec!["MX".to_owned()], vec!["ES".to_owned()]));
    let why: Vec<&str> =
        labels.unusable.iter().map(|part| part.why.strip_suffix("; the row is scored without it").unwrap()).collect();
    assert_eq!(
        why,
        [
            "family_id \"NOPE\" is no family of the bundle",
            "hs6 \"81x\" is no code of six digits or more, nor a heading of four",
            "hs6 \"81x1\" is no code of six digits or more, nor a heading of four",
            "intermediary \"ZZ\" is no country",
            "destination \"Spain\" is no country",
            "destination \"XX\" is no country",
        ]
    );
}

#[test]
fn families_are_named_as_verdicts_name_them_or_as_the_table_of_materials_does() {
    let of = |names: &str| {
        let labels = read(&format!("A,{names},,TH,US,2024,2024,1,2025-07-09,\n")).unwrap();
        let families = labels.rows.iter().flat_map(|row| row.families.iter().map(ToString::to_string)).collect::<Vec<_>>();
        (families.join("+"), labels.unusable.len())
    };
    assert_eq!(of("H811292;H4412;REE_HEAVY;REE_NDPR;REE"), ("H4412+H811292+REE".to_owned(), 0));
    assert_eq!(of("SB;REEF;H81129;H8112921;ree_heavy"), ("SB".to_owned(), 4));
}

#[test]
fn a_row_that_cannot_be_meant_is_refused_by_name() {
    let check = |row: &str, wanted: &str| assert_eq!(read(row).unwrap_err().to_string(), wanted);
    check(
        "A,SB,282580,TH,US,2024,2025,maybe,2025-07-09,\n",
        "row 2 (A), label: \"maybe\" is neither 1 (rerouting), 0 (none) nor empty (undefined)",
    );
    check(
        "A,SB,282580,TH,US,2024,2025,1,soon,\n",
        "row 2 (A), known_from: \"soon\" is no day, month or year on which the finding became known, such as 2025-07-09",
    );
    for period in ["lately", "2024-13", "2024-01-99", "2024-01 or so"] {
        let row = format!("A,SB,282580,TH,US,{period},2025,1,2025-07-09,\n");
        check(&row, &format!("row 2 (A), period_start: {period:?} is no year, month or day"));
    }
    check(
        "A,SB,282580,TH,US,2025-03,2025-01,1,2025-07-09,\n",
        "row 2 (A), period_end: \"2025-01\" lies before period_start, \"2025-03\"",
    );
    check(",SB,282580,TH,US,2025-03,2025-03,1,2025-07-09,\n", "row 2 (), case_id: is empty; it names the case");
    check(
        "A,SB,282580,TH,US,2025-03,2025-03,1,2025-07-09,\nB,SB,282580,TH,US\n",
        "row 3: has 5 cells, and the header names 10 columns; a cell that holds a comma stands in double quotes",
    );
}

#[test]
fn a_table_without_a_header_is_refused_with_what_a_header_is() {
    let refused = |text: &str| {
        let said = Labels::read(text, (&|_| "SB".parse().unwrap(), &|_| true)).unwrap_err().to_string();
        let (what, header) = said.split_once("; a table of labels begins with a header, ").expect(&said);
        assert!(header.contains("case_id, family_id or hs6, intermediary, destination, period_start"), "{said}");
        what.to_owned()
    };
    for empty in ["", "\n\n", "\u{feff}"] {
        assert_eq!(refused(empty), "row 1: the table is empty");
    }
    assert_eq!(
        refused("x,,810690,MX,ES,2024-01,2024-12,1,2025-12-17\n"),
        "row 1: holds \"x\", \"\", \"810690\", \"MX\", \"ES\", \"2024-01\", \"2024-12\", \"1\", \"2025-12-17\", and lacks case_id, \
         intermediary, destination, period_start, period_end, label, known_from, family_id or hs6"
    );
    let lacks = "intermediary, destination, period_start, period_end, known_from, family_id or hs6";
    assert_eq!(refused("case_id,label\n"), format!("row 1: holds \"case_id\", \"label\", and lacks {lacks}"));
    let twice = HEADER.replace("notes", "label");
    assert_eq!(refused(&twice), "row 1: names the column label twice");
    assert_eq!(read("").unwrap(), Labels::default(), "a header alone is a table without rows");
}

/// The rows that count on a day with their findings, and those that a later one replaces.
#[track_caller]
fn check_known(rows: &str, day: &str, (counting, replaced): (&[(u64, Option<bool>)], &[u64])) {
    let labels = read(rows).unwrap();
    let known = labels.as_of(day.parse().unwrap()).unwrap();
    let found: Vec<_> = known.counting.iter().map(|label| (label.row, label.is_rerouting)).collect();
    assert_eq!(found, counting);
    assert_eq!(known.replaced.iter().map(|(label, _)| label.row).collect::<Vec<_>>(), replaced);
}

#[test]
fn a_reversed_finding_changes_sign_on_its_day_and_none_is_known_before_its_own() {
    let rows = "A,SB,282580,TH,US,2018,2019,1,2020-11-11,\nA,SB,282580,TH,US,2018,2019,0,2024-04-08,\nB,SB,282580,TH,US,2018,2019,1,2020-11-11,\n";
    check_known(rows, "2024-04-08", (&[(3, Some(false)), (4, Some(true))], &[2]));
    assert_eq!(
        read(rows).unwrap().as_of("2024-04-07".parse().unwrap()).unwrap_err().to_string(),
        "row 3 (A), known_from: 2024-04-08 is after the decision of 2024-04-07: nobody could know it; leave the row out, or end the \
         backtest later"
    );
}

#[test]
fn a_reversal_counts_whatever_period_goods_or_corridor_it_gives() {
    let first = "A,,282580,TH;MX,US,2024-01,2025-06,1,2025-03-01,\n";
    for later in ["A,,282580,TH;MX,US,2024-01,2025-05,0", "A,GA,,TH;MX,US,2024-01,2025-06,0", "A,,282580,VN,EU,2020,2020,0"] {
        // Above the first finding or below it: the day decides.
        check_known(&format!("{first}{later},2025-10-01,\n"), "2025-12-31", (&[(3, Some(false))], &[2]));
        check_known(&format!("{later},2025-10-01,\n{first}"), "2025-12-31", (&[(2, Some(false))], &[3]));
    }
    // A finding that was withdrawn is undefined; one that was made again stands again.
    check_known(&format!("{first}A,,282580,TH,US,2024,2024,,2025-10-01,\n"), "2025-12-31", (&[(3, None)], &[2]));
    let again = "A,,282580,TH,US,2024,2024,0,2025-10-01,\nA,,282580,TH,US,2024,2024,1,2025-11-01,\n";
    check_known(&format!("{first}{again}"), "2025-12-31", (&[(4, Some(true))], &[2, 3]));
    // What became known on one day stands together, each row but once.
    let both = "A,,282580,TH,US,2024-01,2024-06,1,2025-03,\nA,,282580,TH,US,2024-07,2024-12,0,2025-03,\n";
    check_known(both, "2025-12-31", (&[(2, Some(true)), (3, Some(false))], &[]));
    check_known(&first.repeat(2), "2025-12-31", (&[(2, Some(true))], &[3]));
}

#[test]
fn two_findings_of_one_day_are_refused_in_either_order() {
    let row = |months: &str, label: &str| format!("g,,282580,MX;TH,US,{months},{label},2025-12-17,\n");
    let refused = |rows: &str| read(rows).unwrap_err().to_string();
    let (yes, no) = (row("2024-01,2024-12", "1"), row("2024-06,2025-01", "0"));
    assert_eq!(
        refused(&format!("{yes}{no}")),
        "rows 2 and 3 (g), label: one says 1, the other 0, of the same corridor-months (SB/MX/US/2024-06), and both became known on \
         2025-12-17; of a finding that was reversed the later one has a later known_from"
    );
    assert!(refused(&format!("{no}{yes}")).starts_with("rows 2 and 3 (g), label: one says 0, the other 1, "));
    assert!(refused(&format!("{yes}{}", row("2024-12,2024-12", ""))).contains("one says 1, the other nothing"));
    // A later one does not mend it: which of the two it replaces nobody knows, and an earlier decision would meet both.
    assert!(read(&format!("{yes}{no}g,,282580,MX,US,2024,2024,1,2026-01-01,\n")).is_err());
    // Other months, another corridor, another case: no contradiction.
    for other in [row("2025-01,2025-01", "0"), no.replace("MX;TH", "VN"), no.replace("282580", "811292"), no.replace("g,", "h,")]
    {
        assert_eq!(read(&format!("{yes}{other}")).unwrap().rows.len(), 2, "{other}");
    }
}
