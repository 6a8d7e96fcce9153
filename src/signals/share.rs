//! The interval of the Chinese share: physical bounds and proportional mixing over a fixed table of draws. No randomness: the
//! table is the same for every corridor, so that the same balance gives the same interval.

use super::parameters::{ShareNumbers, part};

/// One draw of all that is uncertain, in fractions and factors.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Draw {
    /// Factor on the first leg for what is not told of it under an export control.
    pub(super) first_hidden: f64,
    /// Factor on the other imports, likewise.
    pub(super) other_hidden: f64,
    /// Factors of trade and content: exports, first leg, other imports.
    pub(super) trade: [f64; 3],
    /// Factors of production and recycling.
    pub(super) made: [f64; 2],
    /// Where in the range an unlisted production and recycling lie, from 0 to 1.
    pub(super) unlisted: [f64; 2],
    /// Where in their range shared codes lie, from -1 to 1.
    pub(super) shared: f64,
    /// Yield, from 0 to 1 in its range.
    pub(super) kept: f64,
    /// Opening stock, in months of imports before.
    pub(super) stock_months: f64,
    /// From 0 to 1: which form the share takes.
    pub(super) form: f64,
    /// Factor on the odds of the proportional share: the exponential of a normal number.
    pub(super) odds: f64,
}

/// The table of draws.
pub(crate) fn table(numbers: &ShareNumbers) -> Vec<Draw> {
    let count = u64::from(numbers.draws);
    (0..count).map(|index| draw(index, numbers)).collect()
}

fn draw(index: u64, numbers: &ShareNumbers) -> Draw {
    let mut state = index.wrapping_mul(0xd1b5_4a32_d192_ed03);
    let mut uniform = || next(&mut state);
    let mut around = |half: i32| 1.0 + part(half) * (2.0 * uniform() - 1.0);
    let trade = [around(numbers.trade_and_content), around(numbers.trade_and_content), around(numbers.trade_and_content)];
    let made = [around(numbers.production), around(numbers.production)];
    let (low, high) = (part(numbers.stock_months_low), part(numbers.stock_months_high));
    Draw {
        first_hidden: 1.0 / (1.0 - part(numbers.first_leg_hidden) * uniform()),
        other_hidden: 1.0 / (1.0 - part(numbers.other_imports_hidden) * uniform()),
        trade,
        made,
        unlisted: [uniform(), uniform()],
        shared: 2.0 * uniform() - 1.0,
        kept: uniform(),
        stock_months: low + (high - low) * uniform(),
        form: uniform(),
        // Twelve uniform numbers less six are normal enough, and exact on every machine.
        odds: libm::exp((0..12).map(|_| uniform()).sum::<f64>() - 6.0),
    }
}

/// The next number of splitmix64 (Steele, Lea, Flood 2014) as a fraction of 1, below 1.
fn next(state: &mut u64) -> f64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut mixed = *state;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^= mixed >> 31;
    (mixed >> 11) as f64 / (1u64 << 53) as f64
}

/// Tonnes in the window of what is known: the terms of the balance.
#[derive(Clone, Copy, Debug)]
pub(super) struct Known {
    pub(super) exports: f64,
    pub(super) chinese: f64,
    pub(super) other: f64,
    /// Half the width of what shared codes may add to `other` or take from it.
    pub(super) shared: f64,
    /// Least and most.
    pub(super) production: (f64, f64),
    /// Least and most where a row says so; else a share of production and imports.
    pub(super) secondary: Result<f64, f64>,
    /// A month's imports before, less what has been used up since, and the Chinese share of them.
    pub(super) stock: (f64, f64),
    /// An export control binds: the first leg may be hidden.
    pub(super) control: bool,
}

/// 5, 50 and 95 % of the share, as fractions.
pub(super) fn interval(
    known: &Known,
    (yield_low, yield_high): (f64, f64),
    (draws, numbers): (&[Draw], &ShareNumbers),
) -> [f64; 3] {
    let mut shares: Vec<f64> = draws.iter().map(|draw| share(known, draw, (yield_low, yield_high), numbers)).collect();
    let count = shares.len();
    let [low, mid, high] = [count / 20, count / 2, (count * 19).div_ceil(20).saturating_sub(1)];
    let middle = smallest(&mut shares, mid);
    // What is smaller stands before it now, what is larger behind it.
    let low = smallest(shares.get_mut(..=mid).unwrap_or_default(), low);
    let high = smallest(shares.get_mut(mid..).unwrap_or_default(), high.saturating_sub(mid));
    [low, middle, high]
}

/// The one that so many are smaller than.
fn smallest(shares: &mut [f64], index: usize) -> f64 {
    let index = index.min(shares.len().saturating_sub(1));
    if shares.is_empty() { 0.0 } else { *shares.select_nth_unstable_by(index, f64::total_cmp).1 }
}

fn share(known: &Known, draw: &Draw, (yield_low, yield_high): (f64, f64), numbers: &ShareNumbers) -> f64 {
    let kept = yield_low + (yield_high - yield_low) * draw.kept;
    let [trade_out, trade_first, trade_other] = draw.trade;
    let [made_first, made_again] = draw.made;
    let [unlisted_production, unlisted_secondary] = draw.unlisted;
    let exports = known.exports * trade_out;
    let hidden = if known.control { draw.first_hidden } else { 1.0 };
    let chinese = known.chinese * trade_first * hidden;
    let other = (known.other + known.shared * draw.shared).max(0.0) * trade_other * draw.other_hidden;
    let (least, most) = known.production;
    let production = (least + (most - least) * unlisted_production) * made_first;
    let secondary = match known.secondary {
        Ok(listed) => listed * made_again,
        Err(at_most) => at_most * unlisted_secondary * (production + other + chinese),
    };
    let (stock, stock_chinese) = known.stock;
    let stock = stock * draw.stock_months;
    let innocent = kept * (production + secondary + other) + stock * (1.0 - stock_chinese);
    let from_china = kept * chinese + stock * stock_chinese;
    if exports <= 0.0 {
        return 0.0;
    }
    let low = (1.0 - innocent / exports).clamp(0.0, 1.0);
    // Where supply falls short of the exports something is not told, and only China's part is known to be hidden.
    let high = (from_china / exports).min(1.0).max(low);
    let proportional = part(numbers.proportional);
    if draw.form < proportional {
        let total = innocent + from_china;
        let mixed = if total > 0.0 { from_china / total } else { 0.0 };
        // Log-odds shifted by normal noise, written without a logarithm.
        let shifted = mixed * draw.odds / (1.0 - mixed + mixed * draw.odds);
        shifted.clamp(low, high)
    } else if draw.form < proportional + (1.0 - proportional) / 2.0 {
        low
    } else {
        high
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scoring::Model;

    const DULL: Known = Known {
        exports: 100.0,
        chinese: 0.0,
        other: 0.0,
        shared: 0.0,
        production: (0.0, 0.0),
        secondary: Ok(0.0),
        stock: (0.0, 0.0),
        control: false,
    };

    fn of(known: &Known) -> [f64; 3] {
        let parameters = Model::built_in().parameters;
        interval(known, (0.9, 0.98), (&parameters.draws, &parameters.share))
    }

    #[track_caller]
    fn check(known: &Known, low: (f64, f64), mid: (f64, f64), high: (f64, f64)) {
        let found = of(known);
        let inside = |(least, most): (f64, f64), value: f64| least <= value && value <= most;
        assert!(inside(low, found[0]) && inside(mid, found[1]) && inside(high, found[2]), "{found:?}");
    }

    #[test]
    fn all_from_china_and_none_from_china() {
        check(&Known { chinese: 110.0, ..DULL }, (1.0, 1.0), (1.0, 1.0), (1.0, 1.0));
        check(&Known { other: 130.0, ..DULL }, (0.0, 0.0), (0.0, 0.0), (0.0, 0.0));
    }

    #[test]
    fn a_mix_is_proportional_with_wide_bounds() {
        // Plenty of both: either could have filled the exports.
        check(&Known { chinese: 200.0, other: 200.0, ..DULL }, (0.0, 0.15), (0.3, 0.7), (0.95, 1.0));
        // Half of the exports cannot be anything else.
        check(&Known { chinese: 60.0, other: 50.0, ..DULL }, (0.3, 0.5), (0.42, 0.62), (0.5, 0.75));
    }

    #[test]
    fn under_a_control_the_first_leg_may_be_larger_than_told() {
        let told = Known { chinese: 20.0, other: 120.0, ..DULL };
        let hidden = of(&Known { control: true, ..told });
        assert!(hidden[2] > of(&told)[2] && hidden[1] > of(&told)[1], "{hidden:?}");
    }

    #[test]
    fn stock_of_before_the_control_keeps_its_chinese_share() {
        let stock = |chinese| of(&Known { chinese: 60.0, other: 30.0, stock: (20.0, chinese), ..DULL });
        assert!(stock(1.0)[0] > stock(0.0)[0]);
    }

    #[test]
    fn nothing_left_is_no_share() {
        check(&Known { exports: 0.0, chinese: 5.0, ..DULL }, (0.0, 0.0), (0.0, 0.0), (0.0, 0.0));
    }

    #[test]
    fn the_table_is_fixed_and_even() {
        let parameters = Model::built_in().parameters;
        assert_eq!(table(&parameters.share), parameters.draws);
        let count = parameters.draws.len() as f64;
        let mean = |of: &dyn Fn(&Draw) -> f64| parameters.draws.iter().map(of).sum::<f64>() / count;
        let noise = |draw: &Draw| libm::log(draw.odds);
        assert!((mean(&|draw| draw.form) - 0.5).abs() < 0.06 && mean(&noise).abs() < 0.2);
        let spread = mean(&|draw| noise(draw) * noise(draw));
        assert!((0.7..1.3).contains(&spread), "{spread}");
        assert!(parameters.draws.iter().all(|draw| (1.0..=5.0).contains(&draw.first_hidden)));
    }
}
