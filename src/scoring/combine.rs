//! Weights → score. Integers only: sums are exact, and the order in which evidence comes changes nothing.

use crate::signals::{Evidence, Layer, Signal};

use super::Counted;
use super::model::Combination;

/// What is left of each weight after damping within its layer and the layer's caps; in the order of layers, heaviest first.
pub(super) fn combine(evidence: Vec<Evidence>, numbers: &Combination) -> Vec<Counted> {
    let mut counted = Vec::with_capacity(evidence.len());
    let mut rest = evidence;
    for layer in Layer::ALL {
        let mut of_layer: Vec<Evidence>;
        (of_layer, rest) = rest.into_iter().partition(|one| one.signal.layer() == layer);
        of_layer.sort_by_key(|one| (std::cmp::Reverse(one.weight.unsigned_abs()), place(one.signal)));
        let weights: Vec<i32> = of_layer.iter().map(|one| one.weight).collect();
        let counts = layer_counts(&weights, numbers, numbers.caps(layer));
        counted.extend(of_layer.into_iter().zip(counts).map(|(evidence, counted)| Counted { evidence, counted }));
    }
    counted
}

fn place(signal: Signal) -> usize {
    Signal::ALL.iter().position(|one| *one == signal).unwrap_or(usize::MAX)
}

/// Damps weights that stand heaviest first, and cuts from the lightest what passes a cap.
fn layer_counts(weights: &[i32], numbers: &Combination, (low, high): (i32, i32)) -> Vec<i32> {
    let mut counts = Vec::with_capacity(weights.len());
    let (mut above, mut below) = (1i64, 1i64);
    for weight in weights {
        counts.push(divide_half_even(i64::from(*weight) * above, below));
        // Beyond a billionth nothing is left to round.
        if below < 1_000_000_000 {
            above *= i64::from(numbers.damping);
            below *= 1000;
        } else {
            above = 0;
        }
    }
    let sum: i64 = counts.iter().map(|count| i64::from(*count)).sum();
    let mut excess = sum - sum.clamp(low.into(), high.into());
    for count in counts.iter_mut().rev() {
        let same_sign = (*count > 0) == (excess > 0);
        if excess == 0 || *count == 0 || !same_sign {
            continue;
        }
        let cut = if excess > 0 { excess.min(i64::from(*count)) } else { excess.max(i64::from(*count)) };
        // No larger than the count itself.
        *count -= cut as i32;
        excess -= cut;
    }
    counts
}

/// Rounds half to even. The divisor is positive.
fn divide_half_even(value: i64, by: i64) -> i32 {
    let (floor, rest) = (value.div_euclid(by), value.rem_euclid(by));
    let up = rest * 2 > by || (rest * 2 == by && floor % 2 != 0);
    i32::try_from(floor + i64::from(up)).unwrap_or(if value < 0 { i32::MIN } else { i32::MAX })
}

/// Cuts towards zero to multiples of a step.
pub(super) fn stepped(counted: i32, step: i32) -> i32 {
    counted / step * step
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::Model;
    use super::*;

    fn check(weights: &[i32], caps: (i32, i32), expected: &[i32]) {
        assert_eq!(layer_counts(weights, &Model::built_in().combination, caps), expected);
    }

    #[test]
    fn the_heaviest_counts_whole_the_next_by_half() {
        check(&[2000, 1000, 1000], (-9000, 9000), &[2000, 500, 250]);
    }

    #[test]
    fn halves_round_to_even() {
        check(&[5, 5, -3], (-9000, 9000), &[5, 2, -1]);
        check(&[7, 7, 6], (-9000, 9000), &[7, 4, 2]);
    }

    #[test]
    fn what_passes_a_cap_is_cut_from_the_lightest() {
        check(&[2000, 1000, 1000], (-1000, 2300), &[2000, 300, 0]);
        check(&[-2000, 600], (-1000, 2300), &[-1300, 300]);
        check(&[3000], (-1000, 2500), &[2500]);
        check(&[3000], (-1000, 3000), &[3000]);
    }

    proptest! {
        #[test]
        fn a_layer_stays_within_its_caps_and_never_turns_a_sign(mut weights in prop::collection::vec(-6000i32..6000, 0..12)) {
            weights.sort_by_key(|weight| std::cmp::Reverse(weight.unsigned_abs()));
            let counts = layer_counts(&weights, &Model::built_in().combination, (-1000, 2500));
            let sum: i32 = counts.iter().sum();
            prop_assert!((-1000..=2500).contains(&sum));
            for (weight, count) in weights.iter().zip(counts) {
                prop_assert!(count == 0 || (count > 0) == (*weight > 0));
                prop_assert!(count.abs() <= weight.abs());
            }
        }
    }
}
