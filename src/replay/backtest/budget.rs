//! What analysts would have found who look at so many corridor-months a week, the highest scores first, each once.

use std::collections::{BTreeMap, BTreeSet};

use super::measures::{Measured, measured};
use crate::domain::{CorridorId, Date};

/// A case with a finding: which corridor-months speak of it, whether it was rerouting, and the tonnes of it.
#[derive(Clone, Debug)]
pub(super) struct Case {
    pub(super) corridors: BTreeSet<CorridorId>,
    pub(super) is_rerouting: bool,
    /// Where they are known.
    pub(super) tonnes: Option<f64>,
}

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize)]
pub struct Budget {
    /// Corridor-months looked at, a week, at most.
    pub per_week: usize,
    /// Weeks of history.
    pub weeks: usize,
    /// Corridor-months looked at.
    pub looked_at: usize,
    /// Of them in a case that was rerouting ...
    pub right: usize,
    /// ... and in one that was not. Those in no case, or in one of which nothing was found, are in neither.
    pub wrong: usize,
    /// Right ones among right and wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub precision: Option<Measured>,
    /// Cases of rerouting of which a corridor-month was looked at, among all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recall: Option<Measured>,
    /// By tonnes, of those of which they are known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value_found: Option<Measured>,
}

/// Of some cases, by place, those that are drawn together.
type Named<'a> = dyn Fn(&dyn Fn(usize) -> bool) -> Vec<Vec<usize>> + 'a;

/// Which corridor-months are looked at, week by week, where each has a score from a day on: of those from the floor on that were never looked
/// at the `per_week` highest; of equal ones the first by name. A week runs from Monday to Sunday, the last one to the eve of
/// that day. Gives also how many weeks there are.
pub(super) fn looked_at(
    mut scores: Vec<(Date, CorridorId, f64)>,
    per_week: usize,
    floor: f64,
    decided: Date,
) -> (Vec<CorridorId>, usize) {
    scores.sort_by_key(|(as_of, id, _)| (*as_of, *id));
    let Some((first, ..)) = scores.first() else { return (Vec::new(), 0) };
    let mut now: BTreeMap<CorridorId, f64> = BTreeMap::new();
    let (mut seen, mut order) = (BTreeSet::new(), Vec::new());
    let (mut day, mut weeks, mut next) = (week_after(*first), 0, scores.iter().peekable());
    loop {
        while let Some((_, id, score)) = next.next_if(|(as_of, ..)| *as_of < day) {
            now.insert(*id, *score);
        }
        weeks += 1;
        let mut queue: Vec<(&CorridorId, &f64)> =
            now.iter().filter(|(id, score)| **score >= floor && !seen.contains(*id)).collect();
        queue.sort_by(|a, b| b.1.total_cmp(a.1).then(a.0.cmp(b.0)));
        let taken: Vec<CorridorId> = queue.into_iter().take(per_week).map(|(id, _)| *id).collect();
        seen.extend(taken.iter().copied());
        order.extend(taken);
        if day >= decided {
            return (order, weeks);
        }
        day = day.saturating_add(jiff::Span::new().days(7));
    }
}

/// The Monday after a day.
fn week_after(day: Date) -> Date {
    let days = 7 - i64::from(day.weekday().to_monday_zero_offset());
    day.saturating_add(jiff::Span::new().days(days))
}

impl Budget {
    /// What those that were looked at found of these cases. What is looked at stays the same, whichever cases an interval draws.
    pub(super) fn of(
        (order, weeks): &(Vec<CorridorId>, usize),
        per_week: usize,
        (cases, named): (&[Case], &Named<'_>),
    ) -> Budget {
        let looked: BTreeSet<CorridorId> = order.iter().copied().collect();
        let hits: Vec<usize> = cases.iter().map(|case| case.corridors.intersection(&looked).count()).collect();
        let of = |place: usize| cases.get(place).zip(hits.get(place).copied());
        let hit = |items: &[usize], is: bool| {
            let of = items.iter().filter_map(|place| of(*place)).filter(|(case, _)| case.is_rerouting == is);
            of.map(|(_, hits)| hits).sum::<usize>()
        };
        let is_positive = |place: usize| cases.get(place).is_some_and(|case| case.is_rerouting);
        let share = |worth: fn(&Case) -> Option<f64>| {
            let weighs = |place: usize| is_positive(place) && cases.get(place).and_then(worth).is_some();
            let sum = |items: &[usize], least: usize| {
                let of = items.iter().filter_map(|place| of(*place)).filter(|(_, hits)| *hits >= least);
                of.filter_map(|(case, _)| worth(case)).sum::<f64>()
            };
            let n = (0..cases.len()).filter(|place| weighs(*place)).count();
            measured(&named(&weighs), n, &|items| ratio(sum(items, 1), sum(items, 0)))
        };
        let met = named(&|place| of(place).is_some_and(|(_, hits)| hits > 0));
        let all: Vec<usize> = (0..cases.len()).collect();
        let (right, wrong) = (hit(&all, true), hit(&all, false));
        let precision = |items: &[usize]| {
            let (right, wrong) = (hit(items, true), hit(items, false));
            ratio(right as f64, (right + wrong) as f64)
        };
        Budget {
            per_week,
            weeks: *weeks,
            looked_at: looked.len(),
            right,
            wrong,
            precision: measured(&met, right + wrong, &precision),
            recall: share(|_| Some(1.0)),
            value_found: share(|case| case.tonnes),
        }
    }
}

/// Of nothing there is no share. An empty sum is -0.
fn ratio(part: f64, whole: f64) -> Option<f64> {
    if whole > 0.0 { Some((part + 0.0) / whole) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(text: &str) -> CorridorId {
        text.parse().unwrap()
    }

    #[test]
    fn each_week_the_highest_are_looked_at_and_none_twice() {
        let day = |text: &str| -> Date { text.parse().unwrap() };
        // 2025-01-06 is a Monday.
        let scores = vec![
            (day("2025-01-06"), id("SB/TH/US/2024-11"), 0.9),
            (day("2025-01-07"), id("SB/MX/US/2024-11"), 0.8),
            (day("2025-01-08"), id("SB/VN/US/2024-11"), 0.8),
            (day("2025-01-12"), id("SB/MY/US/2024-11"), 0.1),
            // What is said on the next Monday is not there yet.
            (day("2025-01-13"), id("SB/KR/US/2024-11"), 0.95),
            // What was looked at is not looked at again, whatever it rises to.
            (day("2025-01-14"), id("SB/TH/US/2024-11"), 0.99),
        ];
        let (order, weeks) = looked_at(scores.clone(), 2, 0.2, day("2025-01-20"));
        let order: Vec<String> = order.iter().map(ToString::to_string).collect();
        assert_eq!(order, ["SB/TH/US/2024-11", "SB/MX/US/2024-11", "SB/KR/US/2024-11", "SB/VN/US/2024-11"]);
        assert_eq!(weeks, 2, "the decision falls on the Monday after them: nothing is heard from then on");
        assert_eq!(looked_at(scores.clone(), 1, 0.2, day("2025-01-20")).0.len(), 2);
        assert_eq!(looked_at(scores.clone(), 1, 0.2, day("2025-01-21")).1, 3, "of the third week there is its Monday");
        assert_eq!(looked_at(scores, 1, 0.96, day("2025-01-20")).0, [id("SB/TH/US/2024-11")]);
        assert_eq!(looked_at(Vec::new(), 1, 0.0, day("2025-01-20")), (Vec::new(), 0));
    }

    #[test]
    fn what_was_found_is_counted_by_cases_and_by_tonnes() {
        let case = |corridors: &[&str], is_rerouting, tonnes| Case {
            corridors: corridors.iter().map(|text| id(text)).collect(),
            is_rerouting,
            tonnes: Some(tonnes),
        };
        let cases = [
            case(&["SB/TH/US/2024-11", "SB/TH/US/2024-12"], true, 300.0),
            case(&["SB/MX/US/2024-11"], true, 100.0),
            case(&["SB/KR/US/2024-11"], false, 50.0),
        ];
        let named = |is_one: &dyn Fn(usize) -> bool| (0..3).filter(|place| is_one(*place)).map(|place| vec![place]).collect();
        let order = ["SB/TH/US/2024-11", "SB/TH/US/2024-12", "SB/KR/US/2024-11", "SB/BE/US/2024-11", "SB/XX/US/2024-11"].map(id);
        let found = Budget::of(&(order.to_vec(), 4), 2, (&cases, &named));
        assert_eq!((found.right, found.wrong, found.looked_at), (2, 1, 5));
        let [precision, recall, value] = [found.precision, found.recall, found.value_found].map(Option::unwrap);
        assert_eq!([precision, recall, value].map(|of| (of.value, of.n)), [(2.0 / 3.0, 3), (0.5, 2), (0.75, 2)]);
        // Of two cases a draw has the one twice, the other twice, or both.
        assert_eq!([precision, recall].map(|of| (of.low, of.high)), [(Some(0.0), Some(1.0)); 2]);
        // Tonnes that nobody told are none that were missed.
        let mut untold = cases.clone();
        untold[1].tonnes = None;
        let value = Budget::of(&(order.to_vec(), 4), 2, (&untold, &named)).value_found;
        assert_eq!(value, Some(Measured { value: 1.0, n: 1, low: None, high: None }));
        let one = Budget::of(&(order.to_vec(), 4), 2, (&cases[..1], &named));
        let alone = Measured { value: 1.0, n: 1, low: None, high: None };
        assert_eq!((one.recall, one.precision), (Some(alone), Some(Measured { n: 2, ..alone })));
        let none = Budget::of(&(Vec::new(), 0), 2, (&[], &|_| Vec::new()));
        assert_eq!((none.precision, none.recall, none.value_found), (None, None, None));
    }
}
