//! Labels as people keep them: what is read, what is passed over with its reason, what is refused.

use super::*;

const HEADER: &str = "case_id,family_id,hs6,intermediary,destination,period_start,period_end,label,known_from,notes\n";

fn read(rows: &str) -> Result<Labels, LabelError> {
    let home = |code: HsSubheading| if code.to_string() == "282580" { "SB" } else { "H811292" }.parse().unwrap();
    Labels::read(&format!("{HEADER}{rows}"), &home, &|family| ["SB", "GA"].contains(&family.to_string().as_str()))
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
    let rows = "A,SB,282580,unnamed countries,US,2024,2024,1,2025-07-09,\nB,SB,282580,MY,?,2024,2024,,2025-07-09,\nC,MIXED,,KR,US,2024,2024,1,2025-05-29,\n";
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
fn a_row_that_cannot_be_meant_is_refused_by_name() {
    let check = |row: &str, wanted: &str| assert_eq!(read(row).unwrap_err().to_string(), wanted);
    check("A,SB,282580,TH,US,2024,2025,maybe,2025-07-09,\n", "labels, row 2 (A): label \"maybe\" is neither 1, 0 nor empty");
    check("A,SB,282580,TH,US,2024,2025,1,soon,\n", "labels, row 2 (A): known_from \"soon\" is no date");
    check("A,SB,282580,TH,US,lately,2025,1,2025-07-09,\n", "labels, row 2 (A): period_start \"lately\" is no year, month or day");
    check(
        "A,SB,282580,TH,US,2025-03,2025-01,1,2025-07-09,\n",
        "labels, row 2 (A): its period ends (2025-01) before it begins (2025-03)",
    );
    let error = Labels::read("case_id,label\nA,1\n", &|_| "SB".parse().unwrap(), &|_| true).unwrap_err();
    assert!(error.to_string().contains("intermediary"), "{error}");
}

#[test]
fn a_reversed_finding_changes_sign_on_its_day_and_none_is_known_before_its_own() {
    let rows = "A,SB,282580,TH,US,2018,2019,1,2020-11-11,\nA,SB,282580,TH,US,2018,2019,0,2024-04-08,\nA,SB,282580,MX,US,2018,2019,1,2020-11-11,\n";
    let labels = read(rows).unwrap();
    let found = labels.as_of("2024-04-08".parse().unwrap()).unwrap();
    let found: Vec<_> = found.iter().map(|label| (label.row, label.is_rerouting)).collect();
    assert_eq!(found, [(3, Some(false)), (4, Some(true))], "the case's other corridor keeps its finding");
    assert_eq!(
        labels.as_of("2024-04-07".parse().unwrap()).unwrap_err().to_string(),
        "labels, row 3 (A): known from 2024-04-08, after the decision of 2024-04-07: nobody could know it; leave the row out, or end the \
         backtest later"
    );
}
