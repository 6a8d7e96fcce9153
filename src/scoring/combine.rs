//! Weights → score. Integers only: sums are exact, and the order in which evidence comes changes nothing.

use crate::signals::Signal;

use super::model::Combination;

/// A signal that spoke: its weight, and what is left of it after damping and caps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Weighed {
    pub(super) signal: Signal,
    pub(super) weight: i32,
    pub(super) counted: i32,
}

/// What is left of each weight after damping within its layer and the layer's caps; in the order of layers, heaviest first.
pub(super) fn combine(weights: impl IntoIterator<Item = (Signal, i32)>, numbers: &Combination) -> Vec<Weighed> {
    let mut weighed: Vec<Weighed> = weights.into_iter().map(|(signal, weight)| Weighed { signal, weight, counted: 0 }).collect();
    weighed.sort_by_key(|one| (one.signal.layer(), std::cmp::Reverse(one.weight.unsigned_abs()), place(one.signal)));
    for of_layer in weighed.chunk_by_mut(|left, right| left.signal.layer() == right.signal.layer()) {
        let weights: Vec<i32> = of_layer.iter().map(|one| one.weight).collect();
        let caps = of_layer.first().map(|one| numbers.caps(one.signal.layer())).unwrap_or_default();
        for (one, counted) in of_layer.iter_mut().zip(layer_counts(&weights, numbers, caps)) {
            one.counted = counted;
        }
    }
    weighed
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
