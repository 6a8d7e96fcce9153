//! Figures of how well scores told apart what was found. Pure, and absent where they mean nothing: without a positive there is no precision.

use crate::replay::simulate::Rng;

/// A score, and whether it was rerouting.
pub(super) type Scored = (f64, bool);

/// Resamples of an interval.
const RESAMPLES: usize = 1_000;
/// The interval holds this share of them, in thousandths.
const INTERVAL: usize = 900;

/// A figure with its 90 % interval, over cases that are drawn anew.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct Measured {
    /// The figure.
    pub value: f64,
    /// Of how many: cases, or corridor-months where it is the precision at a budget.
    pub n: usize,
    /// The interval's ends; absent of a single case, and where too few resamples have a figure.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub low: Option<f64>,
    /// Likewise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub high: Option<f64>,
}

/// A group of like scores.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct Bin {
    /// How many.
    pub n: usize,
    /// Their mean score.
    pub said: f64,
    /// The share that was rerouting.
    pub found: f64,
    /// The ends of its interval, over draws of the group's own cases.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub low: Option<f64>,
    /// Likewise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub high: Option<f64>,
}

impl Bin {
    /// The share that was rerouting, with its interval.
    pub fn share(&self) -> Measured {
        Measured { value: self.found, n: self.n, low: self.low, high: self.high }
    }
}

/// The area under the curve of precision over recall, as average precision: the mean over positives of the precision at their score. Equal
/// scores count together (scikit-learn's `average_precision_score`).
pub(super) fn average_precision(scored: &[Scored]) -> Option<f64> {
    let positives = scored.iter().filter(|(_, is)| *is).count();
    if positives == 0 {
        return None;
    }
    let mut sorted = scored.to_vec();
    sorted.sort_by(|a, b| b.0.total_cmp(&a.0));
    let (mut area, mut taken, mut right) = (0.0, 0usize, 0usize);
    for equal in sorted.chunk_by(|a, b| a.0.total_cmp(&b.0).is_eq()) {
        let here = equal.iter().filter(|(_, is)| *is).count();
        taken += equal.len();
        right += here;
        area += here as f64 / positives as f64 * (right as f64 / taken as f64);
    }
    // Rounding may lift a sum of shares above all of them.
    Some(area.min(1.0))
}

/// The share that was rerouting: what average precision is by chance.
pub(super) fn prevalence(scored: &[Scored]) -> Option<f64> {
    let positives = scored.iter().filter(|(_, is)| *is).count();
    if scored.is_empty() { None } else { Some(positives as f64 / scored.len() as f64) }
}

/// The mean squared distance of a probability from what was found (Brier 1950).
pub(super) fn brier(scored: &[Scored]) -> Option<f64> {
    mean(scored.iter().map(|(score, is)| (score - f64::from(u8::from(*is))).powi(2)))
}

/// Places in groups of equal size by score; the first groups are the larger ones. Equal scores stay in one group, which grows by them:
/// whatever else put them into an order would have to look at something, and the finding is what is measured.
pub(super) fn groups(scored: &[Scored], bins: usize) -> Vec<Vec<usize>> {
    let mut sorted: Vec<(usize, f64)> = scored.iter().map(|(score, _)| *score).enumerate().collect();
    sorted.sort_by(|a, b| a.1.total_cmp(&b.1));
    let bins = bins.clamp(1, sorted.len().max(1));
    let (size, more) = (sorted.len() / bins, sorted.len() % bins);
    let mut ends = (1..=bins).map(|group| group * size + group.min(more)).peekable();
    let (mut group, mut taken, mut groups) = (Vec::new(), 0, Vec::new());
    for equal in sorted.chunk_by(|a, b| a.1.total_cmp(&b.1).is_eq()) {
        group.extend(equal.iter().map(|(place, _)| *place));
        taken += equal.len();
        let mut is_full = false;
        while ends.next_if(|end| *end <= taken).is_some() {
            is_full = true;
        }
        if is_full {
            groups.push(std::mem::take(&mut group));
        }
    }
    groups
}

/// The mean of what was said.
pub(super) fn said(group: &[Scored]) -> Option<f64> {
    mean(group.iter().map(|(score, _)| *score))
}

/// The mean distance of what was said from what was found, by groups.
pub(super) fn calibration_error(scored: &[Scored], bins: usize) -> Option<f64> {
    let off = groups(scored, bins).into_iter().map(|group| {
        let group: Vec<Scored> = group.into_iter().filter_map(|place| scored.get(place).copied()).collect();
        group.len() as f64 * (said(&group).unwrap_or_default() - prevalence(&group).unwrap_or_default()).abs()
    });
    if scored.is_empty() { None } else { Some(off.sum::<f64>() / scored.len() as f64) }
}

/// The middle, the mean of the two middle ones where there are two.
pub(super) fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => None,
        length if length % 2 == 1 => sorted.get(middle).copied(),
        _ => mean(sorted.get(middle - 1..=middle)?.iter().copied()),
    }
}

/// A figure of `n` over items that belong to cases, with its interval: cases are drawn with replacement, as many as there are, each with all of
/// its items; the same seed draws the same. The interval stands where there are two cases to draw from, since of one all draws are the same,
/// and where nine of ten resamples have a figure.
pub(super) fn measured(cases: &[Vec<usize>], n: usize, figure: &dyn Fn(&[usize]) -> Option<f64>) -> Option<Measured> {
    let all: Vec<usize> = cases.iter().flatten().copied().collect();
    let value = figure(&all)?;
    if cases.len() < 2 {
        return Some(Measured { value, n, low: None, high: None });
    }
    let mut rng = Rng::new(1, &[cases.len() as u64]);
    let mut drawn: Vec<f64> = Vec::with_capacity(RESAMPLES);
    let mut items = Vec::new();
    for _ in 0..RESAMPLES {
        items.clear();
        (0..cases.len()).for_each(|_| items.extend_from_slice(rng.pick::<Vec<usize>>(cases)));
        drawn.extend(figure(&items));
    }
    if drawn.len() * 10 < RESAMPLES * 9 {
        return Some(Measured { value, n, low: None, high: None });
    }
    drawn.sort_by(f64::total_cmp);
    let at = |permille: usize| drawn.get((drawn.len() - 1) * permille / 1000).copied();
    Some(Measured { value, n, low: at((1000 - INTERVAL) / 2), high: at(1000 - (1000 - INTERVAL) / 2) })
}

fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (mut sum, mut count) = (0.0, 0usize);
    for value in values {
        sum += value;
        count += 1;
    }
    if count == 0 { None } else { Some(sum / count as f64) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn near(found: Option<f64>, wanted: f64) {
        let found = found.unwrap();
        assert!((found - wanted).abs() < 1e-12, "{found} is not {wanted}");
    }

    #[test]
    fn average_precision_counts_equal_scores_together() {
        // 1/3 * 1 + 1/3 * 2/3 + 1/3 * 3/5, by hand.
        let scored = [(0.9, true), (0.8, false), (0.7, true), (0.6, false), (0.5, true)];
        near(average_precision(&scored), (1.0 + 2.0 / 3.0 + 3.0 / 5.0) / 3.0);
        // All alike: the prevalence.
        near(average_precision(&[(0.5, true), (0.5, false), (0.5, false), (0.5, false)]), 0.25);
        // In whichever order they come.
        near(average_precision(&[(0.5, false), (0.9, true), (0.5, true), (0.1, false)]), 0.5 + 0.5 * 2.0 / 3.0);
        assert_eq!(average_precision(&[(0.5, false)]), None);
    }

    #[test]
    fn brier_and_reliability_are_what_they_are_by_hand() {
        let scored = [(0.1, false), (0.2, true), (0.8, true), (0.9, true), (0.4, false)];
        near(brier(&scored), (0.01 + 0.64 + 0.04 + 0.01 + 0.16) / 5.0);
        assert_eq!(groups(&scored, 2), [vec![0, 1, 4], vec![2, 3]]);
        near(calibration_error(&scored, 2), (3.0 * (0.7f64 / 3.0 - 1.0 / 3.0).abs() + 2.0 * 0.15) / 5.0);
        assert_eq!(groups(&[], 10).len(), 0);
        assert_eq!(groups(&scored, 50).len(), 5);
        assert_eq!((brier(&[]), calibration_error(&[], 10)), (None, None));
    }

    #[test]
    fn equal_scores_are_one_group_whatever_was_found() {
        // Two of ten at the same score: said 0.02, found 0.2. Sorted by what was found there would be groups of nothing and of all.
        let alike: Vec<Scored> = (0..10).map(|case| (0.02, case % 5 == 0)).collect();
        assert_eq!(groups(&alike, 10).iter().map(Vec::len).collect::<Vec<_>>(), [10]);
        near(calibration_error(&alike, 10), 0.18);
        // Groups of two: the end of the first falls among the equal ones, which take up the second.
        let scored = [(0.1, true), (0.3, false), (0.3, true), (0.3, false), (0.4, true), (0.5, false)];
        let sizes = |scored: &[Scored]| groups(scored, 3).iter().map(Vec::len).collect::<Vec<_>>();
        assert_eq!(sizes(&scored), [4, 2]);
        // In whichever order they come.
        let mut turned = scored;
        turned.reverse();
        assert_eq!(sizes(&turned), sizes(&scored));
        assert_eq!(calibration_error(&turned, 3), calibration_error(&scored, 3));
    }

    #[test]
    fn the_interval_draws_cases_whole_and_holds_the_figure() {
        // Items of a case are alike: drawn one by one the interval would be far narrower.
        let share = |items: &[usize]| Some(items.iter().filter(|item| **item < 50).count() as f64 / items.len() as f64);
        let narrow: Vec<Vec<usize>> = (0..100).map(|item| vec![item]).collect();
        let wide: Vec<Vec<usize>> = (0..10).map(|case| (case * 10..case * 10 + 10).collect()).collect();
        let width = |cases: &[Vec<usize>]| {
            let Measured { value, n: 100, low: Some(low), high: Some(high) } = measured(cases, 100, &share).unwrap() else {
                panic!()
            };
            assert!(low < value && value < high, "{low} {value} {high}");
            high - low
        };
        // sqrt(10) by the theory of it.
        let ratio = width(&wide) / width(&narrow);
        assert!((2.5..4.0).contains(&ratio), "{ratio}");
        assert_eq!(measured(&wide, 100, &share), measured(&wide, 100, &share));
        assert_eq!(measured(&[vec![1]], 1, &|_| None), None);
    }

    #[test]
    fn of_one_case_there_is_no_interval() {
        let of = |cases: &[Vec<usize>]| measured(cases, 1, &|_| Some(1.0)).unwrap();
        assert_eq!(of(&[vec![0]]), Measured { value: 1.0, n: 1, low: None, high: None });
        assert_eq!(of(&[vec![0], vec![1]]), Measured { value: 1.0, n: 1, low: Some(1.0), high: Some(1.0) });
    }

    #[test]
    fn the_median_of_two_is_between_them() {
        assert_eq!((median(&[3.0, 1.0]), median(&[5.0, 1.0, 2.0]), median(&[])), (Some(2.0), Some(2.0), None));
    }
}
