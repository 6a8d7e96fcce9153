//! Small histories whose figures can be found by hand.

use super::super::flows::Baselines;
use super::*;

fn day(text: &str) -> Date {
    text.parse().unwrap()
}

fn labels(rows: &str) -> Labels {
    let header = "case_id,family_id,hs6,intermediary,destination,period_start,period_end,label,known_from\n";
    Labels::read(&format!("{header}{rows}"), (&|_| "H9999".parse().unwrap(), &|_| true)).unwrap()
}

/// A history of steps: corridor-month, day, probability, prior, what growth says.
fn history(steps: &[(&str, &str, f64, f64, Option<f64>)]) -> (History, BTreeMap<CorridorId, f64>) {
    let (mut history, mut tonnes) = (History::default(), BTreeMap::new());
    for (id, as_of, probability, prior, growth) in steps {
        let baselines = Baselines { growth: *growth, ..Baselines::default() };
        let step = Step { as_of: day(as_of), probability: *probability, prior: *prior, baselines };
        history.steps.entry(id.parse().unwrap()).or_default().push(step);
        tonnes.insert(id.parse().unwrap(), 100.0);
    }
    (history, tonnes)
}

const SETTINGS: fn() -> Settings = || Settings { decided: day("2025-08-01"), per_week: 1, told_from: 0.2, found_from: 0.5 };

#[test]
fn a_case_is_what_was_last_said_of_its_highest_corridor_month_by_the_decision() {
    let labels = labels(
        "A,SB,,TH,US,2025-01,2025-02,1,2025-07-09\nB,SB,,KR,US,2025,2025,0,2025-06-16\nC,SB,,BE,US,2025,2025,,2025-06-16\nD,SB,,VN,US,2025,2025,1,2025-06-16\n",
    );
    let said = history(&[
        ("SB/TH/US/2025-01", "2025-03-01", 0.3, 0.1, None),
        ("SB/TH/US/2025-01", "2025-04-10", 0.7, 0.1, Some(1.0)),
        ("SB/TH/US/2025-02", "2025-04-12", 0.6, 0.2, Some(0.0)),
        // Out of the period, another destination, another family: nothing of case A.
        ("SB/TH/US/2025-03", "2025-05-01", 0.9, 0.9, Some(1.0)),
        ("SB/TH/EU/2025-01", "2025-05-01", 0.9, 0.9, Some(1.0)),
        ("GA/TH/US/2025-01", "2025-05-01", 0.9, 0.9, Some(1.0)),
        ("SB/KR/US/2025-01", "2025-03-01", 0.55, 0.05, None),
        ("SB/KR/US/2025-01", "2025-06-01", 0.1, 0.05, None),
        ("SB/BE/US/2025-01", "2025-06-01", 0.4, 0.05, None),
        // After the decision: not heard.
        ("SB/KR/US/2025-01", "2025-08-01", 0.99, 0.05, None),
    ]);
    let found = score(&labels, (&said.0, &said.1), &SETTINGS()).unwrap();
    assert_eq!((found.positives, found.negatives, found.undefined), (1, 1, 1));
    assert_eq!(
        (found.unseen.as_slice(), found.prevalence, found.brier_of_prevalence),
        (["D".to_owned()].as_slice(), Some(0.5), Some(0.25))
    );
    let shown: Vec<String> = found
        .cases
        .iter()
        .map(|case| {
            let scores = [Method::Service, Method::Prior, Method::Growth, Method::MinFlow].map(|method| case.scores.get(&method));
            let scores: Vec<f64> = scores.into_iter().flatten().copied().collect();
            format!("{} {} {scores:?} {:?} {:?}", case.case, case.corridor_months, case.found, case.lead_days)
        })
        .collect();
    assert_eq!(
        shown,
        [
            r#"A 2 [0.7, 0.2, 1.0] Some("2025-04-10") Some(90)"#,
            r#"B 1 [0.1, 0.05] Some("2025-03-01") Some(107)"#,
            r#"C 1 [0.4, 0.05] None None"#,
        ]
    );
    // Of all its corridor-months, and the first of them of which most was said.
    let of_cases: Vec<_> = found.cases.iter().map(|case| (case.tonnes.unwrap(), case.highest.unwrap().to_string())).collect();
    let wanted = [(200.0, "SB/TH/US/2025-01"), (100.0, "SB/KR/US/2025-01"), (100.0, "SB/BE/US/2025-01")];
    assert_eq!(of_cases, wanted.map(|(tonnes, id)| (tonnes, id.to_owned())));
    assert_eq!((found.lead.n, found.lead.found, found.lead.median_days.unwrap().value), (1, 1, 90.0));
    // By the decision it is no longer found.
    let share = Some(Measured { value: 0.0, n: 1, low: None, high: None });
    assert_eq!(found.false_positives, [FalsePositives { intermediary: "KR".to_owned(), n: 1, found: 0, share }]);
    let service = &found.methods[0];
    assert_eq!(service.average_precision.map(|figure| figure.value), Some(1.0));
    let brier = service.brier.unwrap().value;
    assert!((brier - (0.3f64.powi(2) + 0.1f64.powi(2)) / 2.0).abs() < 1e-12, "{brier}");
    let growth = found.methods.iter().find(|scores| scores.method == Method::Growth).unwrap();
    assert_eq!((growth.brier, growth.reliability.len(), growth.budget.looked_at), (None, 0, 4));
    // Of case B it had no figures: nobody was told of it.
    assert_eq!((service.told, growth.told, growth.average_precision.unwrap().value), (2, 1, 1.0));
    // Groups of one case have no interval.
    assert!(service.reliability.iter().all(|bin| bin.n == 1 && bin.low.is_none()), "{:?}", service.reliability);
}

#[test]
fn what_a_basket_and_its_material_both_tell_is_one_trade() {
    let labels = labels("A,GA;H811292,,CZ,DE,2025-01,2025-02,1,2025-07-09\nB,GA,,CZ,DE,2025-01,2025-02,0,2025-07-09\n");
    let steps = ["GA/CZ/DE/2025-01", "H811292/CZ/DE/2025-01", "GA/CZ/DE/2025-02"].map(|id| (id, "2025-04-01", 0.3, 0.1, None));
    let (history, _) = history(&steps);
    let tonnes = [("GA/CZ/DE/2025-01", 10.6), ("H811292/CZ/DE/2025-01", 116.8), ("GA/CZ/DE/2025-02", 2.0)];
    let tonnes = tonnes.map(|(id, tonnes)| (id.parse().unwrap(), tonnes)).into_iter().collect();
    let found = score(&labels, (&history, &tonnes), &SETTINGS()).unwrap();
    let of: Vec<f64> = found.cases.iter().map(|case| (case.tonnes.unwrap() * 10.0).round()).collect();
    assert_eq!(of, [1188.0, 126.0]);
}

#[test]
fn a_label_that_is_younger_than_the_decision_is_refused_by_name() {
    let labels = labels("A,SB,,TH,US,2025-01,2025-02,1,2025-08-02\n");
    let said = history(&[("SB/TH/US/2025-01", "2025-03-01", 0.3, 0.1, None)]);
    let error = score(&labels, (&said.0, &said.1), &SETTINGS()).unwrap_err().to_string();
    assert!(error.starts_with("row 2 (A), known_from: 2025-08-02 is after the decision of 2025-08-01"), "{error}");
}

#[test]
fn the_budget_ends_with_the_week_of_the_last_record_whenever_one_decides() {
    let labels = labels("A,SB,,TH,US,2025-01,2025-02,1,2025-02-09\nB,SB,,KR,US,2025,2025,0,2025-02-16\n");
    let (mut history, tonnes) = history(&[
        ("SB/TH/US/2025-01", "2025-03-01", 0.3, 0.1, None),
        ("SB/TH/US/2025-02", "2025-03-01", 0.3, 0.1, None),
        ("SB/KR/US/2025-01", "2025-03-04", 0.4, 0.1, None),
    ]);
    history.last_record = Some(day("2025-03-04"));
    let at = |decided| {
        let found = score(&labels, (&history, &tonnes), &Settings { decided: day(decided), ..SETTINGS() }).unwrap();
        assert_eq!(found.last_record.as_deref(), Some("2025-03-04"));
        found.methods[0].budget.clone()
    };
    let found = at("2025-03-05");
    assert_eq!((found.weeks, found.looked_at, found.right, found.wrong), (2, 2, 1, 1));
    assert_eq!(at("2030-01-01"), found);
}

#[test]
fn nothing_seen_is_no_figure_and_no_fault() {
    let found =
        score(&labels("A,SB,,TH,US,2025,2025,1,2025-07-09\n"), (&History::default(), &BTreeMap::new()), &SETTINGS()).unwrap();
    assert_eq!((found.prevalence, found.positives, found.from, found.unseen.len()), (None, 0, None, 1));
    assert!(found.methods.iter().all(|scores| scores.average_precision.is_none() && scores.budget.recall.is_none()));
}

#[test]
fn what_is_not_scored_as_it_stands_is_listed_with_its_row() {
    let labels = labels(
        "A,SB,,TH,US,2025-01,2025-01,1,2025-03-01\nA,SB,,TH,US,2025-01,2025-02,0,2025-07-09\nA,SB,,TH,US,2025-01,2025-02,0,2025-07-09\nB,SB,,TH;ZZ,US,2025,2025,1,2025-07-09\nC,SB,,?,US,2025,2025,1,2025-07-09\n",
    );
    let said = history(&[("SB/TH/US/2025-01", "2025-03-01", 0.3, 0.1, None)]);
    let found = score(&labels, (&said.0, &said.1), &SETTINGS()).unwrap();
    assert_eq!((found.positives, found.negatives), (1, 1));
    assert_eq!(
        found.unusable,
        [
            "row 5 (B): intermediary \"ZZ\" is no country; the row is scored without it",
            "row 6 (C): intermediary \"?\" is no country"
        ]
    );
    assert_eq!(
        found.replaced,
        [
            "row 2 (A): its finding of 2025-03-01 was replaced by that of 2025-07-09",
            "row 4 (A): says again what an earlier row says"
        ]
    );
}

#[test]
fn a_case_in_several_rows_is_one_case_for_each_finding() {
    let said = history(&[
        ("SB/IN/FR/2024-11", "2025-01-03", 0.6, 0.1, None),
        ("SB/IN/FR/2025-02", "2025-04-03", 0.8, 0.1, None),
        ("SB/MX/FR/2025-03", "2025-05-03", 0.7, 0.1, None),
        ("SB/UZ/FR/2025-03", "2025-05-03", 0.3, 0.1, None),
    ]);
    let one = "A,SB,,IN;MX,FR,2024-11,2025-06,1,2025-07-01\nB,SB,,UZ,FR,2025,2025,0,2025-07-01\n";
    // Two periods, two corridors, an overlap, and a row that the input does not hold: the same case.
    let parts = "A,SB,,IN,FR,2024-11,2024-12,1,2025-07-01\nB,SB,,UZ,FR,2025,2025,0,2025-07-01\n\
                 A,SB,,IN;MX,FR,2024-12,2025-06,1,2025-07-01\nA,SB,,PL,FR,2025-01,2025-06,1,2025-07-01\n";
    let of = |rows: &str| score(&labels(rows), (&said.0, &said.1), &SETTINGS()).unwrap();
    let (whole, told) = (of(one), of(parts));
    assert_eq!((told.positives, told.negatives, told.lead.n, told.unseen.len()), (1, 1, 1, 0));
    assert_eq!((&told.methods, &told.lead, told.prevalence), (&whole.methods, &whole.lead, whole.prevalence));
    let case = &told.cases[0];
    assert_eq!((case.row, case.corridor_months, case.tonnes, case.lead_days), (2, 3, Some(300.0), Some(179)));
    assert_eq!(case.months, ("2024-11".to_owned(), "2025-06".to_owned()));
    assert_eq!(
        (case.intermediaries.as_slice(), case.highest),
        (["IN", "MX", "PL"].map(str::to_owned).as_slice(), "SB/IN/FR/2025-02".parse().ok())
    );
    // A part that was found to be none is a case of its own; the two are drawn together.
    let apart = of("A,SB,,IN,FR,2024-11,2024-12,1,2025-07-01\nA,SB,,IN,FR,2025,2025,0,2025-07-01\n");
    assert_eq!((apart.positives, apart.negatives, apart.cases.len()), (1, 1, 2));
}

#[test]
fn what_cases_are_called_changes_no_figure() {
    let months: Vec<String> = (1..=12).map(|month| format!("SB/TH/US/2024-{month:02}")).collect();
    let steps: Vec<_> =
        months.iter().enumerate().map(|(at, id)| (id.as_str(), "2025-03-01", at as f64 / 12.0, 0.1, None)).collect();
    let said = history(&steps);
    let figures = |name: &dyn Fn(usize) -> String| {
        let row = |at: usize| format!("{},SB,,TH,US,2024-{:02},2024-{:02},{},2025-07-01\n", name(at), at + 1, at + 1, at % 3 / 2);
        let found = score(&labels(&(0..12).map(row).collect::<String>()), (&said.0, &said.1), &SETTINGS()).unwrap();
        (found.methods, found.lead)
    };
    let found = figures(&|at| format!("{at:02}"));
    assert!(found.0[0].average_precision.unwrap().low.is_some());
    assert_eq!(figures(&|at| format!("{:02}", 5 * at % 12)), found);
}
