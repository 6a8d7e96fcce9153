//! Pseudo-random integers from a seed (SplitMix64, Steele, Lea and Flood 2014). Not for secrets. No floats: their bits differ between machines.

/// A stream of integers; another path gives another, unrelated stream.
#[derive(Clone, Debug)]
pub(in crate::replay) struct Rng(u64);

const GAMMA: u64 = 0x9E37_79B9_7F4A_7C15;

fn mix(state: u64) -> u64 {
    let state = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let state = (state ^ (state >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    state ^ (state >> 31)
}

impl Rng {
    /// The stream of a seed and a path of numbers, so that what one part draws does not move what another draws.
    pub(in crate::replay) fn new(seed: u64, path: &[u64]) -> Rng {
        Rng(path
            .iter()
            .fold(mix(seed.wrapping_add(GAMMA)), |state, step| mix(state.wrapping_add(GAMMA) ^ mix(step.wrapping_add(GAMMA)))))
    }

    pub(in crate::replay) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(GAMMA);
        mix(self.0)
    }

    /// From 0 to `bound` - 1; 0 where `bound` is 0.
    pub(in crate::replay) fn below(&mut self, bound: u64) -> u64 {
        // The high half of a product: biased by less than bound / 2^64.
        u64::try_from((u128::from(self.next()) * u128::from(bound)) >> 64).unwrap_or(0)
    }

    /// From `low` to `high`, both included.
    pub(in crate::replay) fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.below(high.saturating_sub(low) + 1)
    }

    /// True that many times in a thousand.
    pub(in crate::replay) fn permille(&mut self, permille: u64) -> bool {
        self.below(1000) < permille
    }

    /// `value` with up to `permille` thousandths added or taken away.
    pub(in crate::replay) fn around(&mut self, value: u64, permille: u64) -> u64 {
        let factor = 1000 - permille.min(1000) + self.below(2 * permille + 1);
        value.saturating_mul(factor) / 1000
    }

    pub(in crate::replay) fn pick<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        let index = usize::try_from(self.below(items.len() as u64)).unwrap_or(0);
        items.get(index).expect("tables to pick from are not empty")
    }

    pub(in crate::replay) fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            let other = usize::try_from(self.below(last as u64 + 1)).unwrap_or(0);
            items.swap(last, other);
        }
    }
}
