//! Small pairs whose figures can be found by hand.

use super::super::{Kind, PRIOR};
use super::*;

/// A corridor-month as a build prints it: band, probability in thousandths, prior, and what signals count.
fn line((id, band, probability): (&str, &str, i64), prior: i64, counted: &[(&str, i64)], limits: &str) -> String {
    let evidence: Vec<String> =
        counted.iter().map(|(signal, counted)| format!(r#"{{"signal":"{signal}","weight":9999,"counted":{counted}}}"#)).collect();
    let score = prior + counted.iter().map(|(_, counted)| counted).sum::<i64>();
    let kind = if id.contains(':') { "assessment" } else { "corridor" };
    format!(
        r#"{{"kind":"{kind}","id":"{id}","revision":1,"band":"{band}","probability":{},"score":{score},"prior":{prior},"limits":[{limits}],"chinese_share":{{"low":0.1,"high":1.0}},"evidence":[{}],"provenance":{{"fold":1,"model":"m","reference":"r"}}}}"#,
        probability as f64 / 1000.0,
        evidence.join(",")
    )
}

#[track_caller]
fn compared(base: &[String], candidate: &[String]) -> Diff {
    let hear = |name: &str, lines: &[String]| {
        let mut heard = Heard::new(name, Kind::Build);
        lines.iter().for_each(|line| heard.hear_line(line.as_bytes()).unwrap());
        heard
    };
    compare([hear("old", base), hear("new", candidate)], Input::Records).unwrap()
}

const C1: &str = "C1_MASS_BALANCE";
const T1: &str = "T1_EVENT_SURGE";

fn contribution(signal: &str, base: Option<i64>, candidate: Option<i64>, change: i64) -> Reason {
    Reason::Contribution { signal: signal.to_owned(), base, candidate, change }
}

#[test]
fn a_flip_names_first_what_moved_most() {
    let id = "SB/TH/US/2025-03";
    let base = line((id, "review", 613), -1400, &[(C1, 1800), (T1, 60)], "");
    let candidate = line((id, "watch", 231), -1900, &[(C1, 700)], "");
    let diff = compared(std::slice::from_ref(&base), std::slice::from_ref(&candidate));
    let [change] = diff.corridor_months.flipped.as_slice() else { panic!("{diff:?}") };
    assert_eq!((change.shift, change.base.unwrap().band, change.candidate.unwrap().score), (-0.382, Band::Review, -1200));
    let wanted = [
        contribution(C1, Some(1800), Some(700), -1100),
        contribution(PRIOR, Some(-1400), Some(-1900), -500),
        contribution(T1, Some(60), None, -60),
    ];
    assert_eq!(change.reasons, wanted);
    let flips = Flips { from: Some(Band::Review), to: Some(Band::Watch), count: 1 };
    assert_eq!((diff.corridor_months.flips, diff.corridor_months.flips_by.as_slice()), (1, [flips].as_slice()));
    let [corridor] = diff.corridors.as_slice() else { panic!("{diff:?}") };
    assert_eq!((corridor.corridor.as_str(), corridor.months, corridor.flips, corridor.max_shift), ("SB/TH/US", 1, 1, -0.382));
    assert_eq!(corridor.contributions.len(), 3);
    // The other way round everything turns.
    let back = compared(&[candidate], &[base]);
    assert_eq!(back.corridor_months.flipped[0].reasons[0], contribution(C1, Some(700), Some(1800), 1100));
}

#[test]
fn what_follows_after_the_score_is_a_reason_too() {
    let id = "SB/TH/US/2025-03";
    let of = |band: &str, probability, limits: &str| vec![line((id, band, probability), -1000, &[(C1, 1800)], limits)];
    let reasons = |base: &[String], candidate: &[String]| compared(base, candidate).corridor_months.flipped[0].reasons.clone();
    assert_eq!(reasons(&of("review", 690, ""), &of("watch", 690, "")), [Reason::Bands]);
    assert_eq!(reasons(&of("review", 690, ""), &of("watch", 450, "")), [Reason::Calibration]);
    let bound = |at_most: &str| format!(r#"{{"limit":"basket","at_most":{at_most}}}"#);
    let limits = |base: &[&str], candidate: &[&str]| {
        let owned = |limits: &[&str]| limits.iter().map(|limit| (*limit).to_owned()).collect();
        [Reason::Limits { base: owned(base), candidate: owned(candidate) }]
    };
    assert_eq!(reasons(&of("review", 690, ""), &of("watch", 450, &bound("0.45"))), limits(&[], &["basket 0.45"]));
    assert_eq!(
        reasons(&of("review", 600, &bound("0.6")), &of("watch", 450, &bound("0.45"))),
        limits(&["basket 0.6"], &["basket 0.45"])
    );
    // A limit of the band alone.
    assert_eq!(reasons(&of("review", 690, ""), &of("watch", 690, &bound("\"watch\""))), limits(&[], &["basket watch"]));
}

#[test]
fn corridors_that_flip_are_listed_before_those_that_move_more_and_changed_shares_are_counted() {
    let of = |flipping: i64, moving: i64, share: &str| {
        let lines = [
            line(("A/TH/US/2025-01", model_band(flipping), flipping), 0, &[], ""),
            line(("A/VN/US/2025-01", model_band(moving), moving), 0, &[], ""),
            line(("A/MX/US/2025-01", "none", 10), 0, &[], "").replace("\"low\":0.1", share),
            line(("A/KR/US/2025-01", "none", 10), 0, &[], ""),
        ];
        lines.to_vec()
    };
    let diff = compared(&of(490, 510, "\"low\":0.1"), &of(510, 790, "\"low\":0.2"));
    let listed: Vec<_> = diff.corridors.iter().map(|of| (of.corridor.as_str(), of.flips, of.max_shift)).collect();
    assert_eq!(listed, [("A/TH/US", 1, 0.02), ("A/VN/US", 0, 0.28), ("A/MX/US", 0, 0.0)]);
    assert_eq!((diff.corridor_months.shares, diff.corridor_months.changed), (1, 3));
}

fn model_band(probability: i64) -> &'static str {
    if probability < 500 { "watch" } else { "review" }
}

#[test]
fn who_does_not_speak_has_no_band() {
    let base = [line(("A/TH/US/2025-01", "none", 10), -4000, &[], ""), line(("A/TH/US/2025-02", "review", 600), 400, &[], "")];
    let candidate = [line(("A/TH/US/2025-03", "watch", 300), -800, &[], "")];
    let diff = compared(&base, &candidate);
    let months = &diff.corridor_months;
    assert_eq!((months.compared, months.only_base, months.only_candidate, months.flips), (0, 2, 1, 2));
    let listed: Vec<_> = months.flipped.iter().map(|change| (change.id.as_str(), change.shift, change.reasons.len())).collect();
    assert_eq!(listed, [("A/TH/US/2025-02", -0.6, 0), ("A/TH/US/2025-03", 0.3, 0)]);
    assert_eq!(months.flips_by[0], Flips { from: None, to: Some(Band::Watch), count: 1 });
    let bands: Vec<_> = months.bands.iter().map(|of| (of.band.word(), of.base, of.candidate)).collect();
    assert_eq!(bands, [("none", 1, 0), ("watch", 0, 1), ("review", 1, 0), ("priority", 0, 0)]);
    assert_eq!(diff.corridors[0].changed, 3);
}

#[test]
fn contributions_are_summed_over_those_that_both_speak_of() {
    let of = |first: i64, second: i64| {
        vec![
            line(("A/TH/US/2025-01", "none", 10), -4000, &[(C1, first)], ""),
            line(("A/TH/US/2025-02", "none", 10), -4000, &[(C1, second), (T1, 7)], ""),
        ]
    };
    let mut candidate = of(50, -200);
    candidate.push(line(("A/TH/US/2025-03", "none", 10), -4000, &[(C1, 2000)], ""));
    let diff = compared(&of(100, 100), &candidate);
    let shown: Vec<_> = diff
        .corridor_months
        .contributions
        .iter()
        .map(|of| (of.signal.as_str(), of.base, of.candidate, of.shift.changed, of.shift.mean_shift, of.shift.max_shift))
        .collect();
    assert_eq!(shown, [(C1, 2, 2, 2, -175.0, -300), (T1, 1, 1, 0, 0.0, 0), (PRIOR, 2, 2, 0, 0.0, 0)]);
    assert_eq!((diff.corridor_months.changed, diff.corridor_months.flips), (2, 0));
    // In the mean of those in which it speaks in either.
    let means: Vec<_> =
        diff.corridor_months.contributions.iter().map(|of| (of.either, of.base_mean, of.candidate_mean)).collect();
    assert_eq!(means, [(2, 100.0, -75.0), (1, 7.0, 7.0), (2, -4000.0, -4000.0)]);
}

#[test]
fn probabilities_are_counted_where_they_stand_and_by_how_much_they_move() {
    let of = |probabilities: [i64; 5]| -> Vec<String> {
        let named = probabilities.into_iter().enumerate();
        named.map(|(n, probability)| line((&format!("feed:{n}"), "none", probability), 0, &[], "")).collect()
    };
    let diff = compared(&of([49, 50, 1000, 300, 0]), &of([50, 50, 950, 100, 1000]));
    let cells: Vec<_> = diff.shipments.probabilities.iter().map(|cell| (cell.base, cell.candidate, cell.count)).collect();
    assert_eq!(cells, [(0.0, 0.05, 1), (0.0, 0.95, 1), (0.05, 0.05, 1), (0.3, 0.1, 1), (0.95, 0.95, 1)]);
    let moved: Vec<_> = diff.shipments.shifts.iter().map(|moved| (moved.from, moved.to, moved.count)).collect();
    let wanted = [
        (-1.0, -0.2, 1),
        (-0.199, -0.05, 1),
        (-0.049, -0.001, 0),
        (0.0, 0.0, 1),
        (0.001, 0.049, 1),
        (0.05, 0.199, 0),
        (0.2, 1.0, 1),
    ];
    assert_eq!(moved, wanted);
    assert_eq!(diff.corridor_months.probabilities, []);
}

#[test]
fn the_last_revision_counts_and_a_withdrawn_shipment_is_none() {
    let shipment = line(("feed:1", "review", 600), 400, &[], "");
    let later = shipment.replace("\"revision\":1", "\"record_revision\":1,\"revision\":2");
    let withdrawn = later.replace("\"band\"", "\"status\":\"withdrawn\",\"band\"");
    let corrected = later.replace("review", "priority");
    let first = shipment.replace("\"revision\":1", "\"record_revision\":1,\"revision\":1");
    let diff = compared(&[first.clone(), corrected], &[first.clone(), withdrawn]);
    assert_eq!((diff.shipments.only_base, diff.shipments.flips, diff.corridor_months.flips), (1, 1, 0));
    assert_eq!(diff.shipments.flipped[0].base.unwrap().band, Band::Priority);
    let once = std::slice::from_ref(&first);
    assert_eq!(compared(once, once).shipments.changed, 0);
}

#[test]
fn of_too_many_the_largest_are_listed_and_the_rest_is_counted() {
    let lines = |band: &str, shift: i64| -> Vec<String> {
        // A larger shift the later the name.
        (0..LISTED_MAX as i64 + 7)
            .map(|n| line((&format!("feed:{n:05}"), band, 100 + shift * (1 + n / 8)), -1000, &[], ""))
            .collect()
    };
    let diff = compared(&lines("watch", 0), &lines("review", 1));
    let shipments = &diff.shipments;
    assert_eq!((shipments.flipped.len(), shipments.flipped_left_out, shipments.flips), (LISTED_MAX, 7, 1007));
    assert_eq!((shipments.flipped[0].id.as_str(), shipments.flipped[LISTED_MAX - 1].id.as_str()), ("feed:01000", "feed:00000"));
    let moved = compared(&lines("watch", 0), &lines("watch", 1));
    assert_eq!((moved.shipments.flips, moved.shipments.shifted.len(), moved.shipments.shifted[0].shift), (0, SHIFTED_MAX, 0.126));
}

#[test]
fn what_cannot_be_read_names_who_said_it_and_of_what() {
    let mut odd = Heard::new("old", Kind::Build);
    odd.hear_line(line(("A/TH/US/2025-01", "urgent", 10), 0, &[], "").as_bytes()).unwrap();
    let error = compare([odd, Heard::new("new", Kind::Current)], Input::Records).unwrap_err().to_string();
    assert!(error.starts_with("old: A/TH/US/2025-01 is no verdict: \"urgent\" is no band"), "{error}");
}

#[test]
fn alert_volume_changes_in_percent_of_the_base() {
    let percent = |base: usize, candidate: usize| {
        let alerts = |many| vec![r#"{"kind":"alert","case":"SB/TH/US/-","change":"opened"}"#.to_owned(); many];
        compared(&alerts(base), &alerts(candidate)).alerts.change_percent
    };
    assert_eq!((percent(3, 4), percent(4, 3), percent(0, 0), percent(0, 2)), (Some(33.3), Some(-25.0), Some(0.0), None));
}
