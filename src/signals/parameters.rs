//! The numbers that signals need, as the model file gives them. No number has a default here.
//!
//! Weights and log-odds are thousandths of natural log-odds, shares and factors thousandths, unless a name says another unit.

use serde::Deserialize;

use crate::reference::FamilyClass;

/// Thousandths as a number.
pub(crate) fn part(thousandths: i32) -> f64 {
    f64::from(thousandths) / 1000.0
}

/// A number as thousandths, half to even.
pub(crate) fn thousandths(value: f64) -> i32 {
    // The bounds are far outside of any weight, so the cast is exact.
    libm::rint(value.clamp(-1e6, 1e6) * 1000.0) as i32
}

/// A table of the model file: its numbers, each with what it means, and no key beside them.
macro_rules! numbers {
    ($(#[$doc:meta])* $name:ident { $($field:ident: $kind:ty = $what:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub struct $name {
            $(#[doc = $what] pub $field: $kind,)*
        }
    };
}
pub(crate) use numbers;

/// What all signals need.
#[derive(Clone, Debug, PartialEq)]
pub struct Parameters {
    /// The prior.
    pub prior: PriorNumbers,
    /// Before and after a measure.
    pub episodes: EpisodeNumbers,
    /// R1.
    pub route: RouteNumbers,
    /// T1.
    pub surge: SurgeNumbers,
    /// C1.
    pub balance: BalanceNumbers,
    /// The share interval.
    pub share: ShareNumbers,
    /// The fixed draws that follow from `share`.
    pub draws: Vec<super::share::Draw>,
}

numbers! {
    /// The prior.
    PriorNumbers {
        base_probability: i32 = "Probability without any incentive.",
        ban: i32 = "A ban on the item.",
        licence: i32 = "A licence on the item.",
        suspended: i32 = "The control is suspended.",
        partial: i32 = "Factor where the line also holds goods outside the list.",
        direct_fall: i32 = "Fall of the direct trade that shows that the control binds the line.",
        direct_before_months_min: u32 = "Months before with a report that a fall needs.",
        tariff: i32 = "At the full wedge.",
        tariff_wedge_full: i32 = "The full wedge.",
    }
}

numbers! {
    /// Before and after a measure.
    EpisodeNumbers {
        together_months: i32 = "Measures so close to the first are one episode.",
        before_months: i32 = "Length of the time before.",
        before_months_min: u32 = "Of them with a report.",
        after_months: i32 = "Longest time after.",
        after_months_min: u32 = "Of them with a report.",
        reach_months: i32 = "How long after its start an episode is tested.",
    }
}

numbers! {
    /// R1.
    RouteNumbers {
        incentive: i32 = "Weight of the whole grade where there is a motive.",
        no_incentive: i32 = "Elsewhere.",
        received_or_laden: i32 = "Grade.",
        consigned: i32 = "Grade.",
        transshipped: i32 = "Grade.",
    }
}

numbers! {
    /// T1.
    SurgeNumbers {
        both_legs: i32 = "Weight per log-point.",
        one_leg: i32 = "Weight per log-point where the first leg cannot be seen.",
        still_leg: i32 = "Weight against, per log-point.",
        still: i32 = "Growth below which the first leg stood still.",
        both_legs_cap: i32 = "Most for both legs.",
        one_leg_cap: i32 = "Most for one.",
        stage_share_min: i32 = "Share of the mass from which a stage counts.",
        large_from_tonnes_a_year: i32 = "Size from which a flow is large.",
        kappa_bulk_kilograms_a_year: i32 = "Added to both sides of a ratio.",
        kappa_minor_kilograms_a_year: i32 = "Likewise for minor metals.",
        demand_sources_min: u32 = "Other sources that a demand growth needs.",
        demand_shrink: u32 = "k / (k + this).",
        thresholds: Thresholds = "Growth from which the test fires.",
    }
}

numbers! {
    /// Growth from which the event test fires, by class of family, size of the flow and leg.
    Thresholds {
        bulk_small_first: i32 = "Bulk, small, first leg.",
        bulk_small_second: i32 = "Bulk, small, second leg.",
        bulk_large_first: i32 = "Bulk, large, first leg.",
        bulk_large_second: i32 = "Bulk, large, second leg.",
        minor_small_first: i32 = "Minor, small, first leg.",
        minor_small_second: i32 = "Minor, small, second leg.",
        minor_large_first: i32 = "Minor, large, first leg.",
        minor_large_second: i32 = "Minor, large, second leg.",
    }
}

numbers! {
    /// C1.
    BalanceNumbers {
        window_months: u8 = "The window.",
        window_months_beside: u8 = "The window beside it.",
        weight: i32 = "Per share of the exports.",
        cap: i32 = "At most.",
        r#yield: i32 = "Contained element kept in processing.",
        yield_low: i32 = "Least drawn.",
        yield_high: i32 = "Most drawn.",
        reported_min: i32 = "Share of usual sources that must have reported.",
        usual_source: i32 = "Share of imports of a usual source.",
        usual_months: i32 = "Months before in which a source is usual.",
        secondary_unlisted: i32 = "Most recycling without a row.",
        sample_bulk_kilograms: i32 = "Least exports in the window.",
        sample_minor_kilograms: i32 = "Likewise for minor metals.",
        against: i32 = "Weight against.",
        against_share_below: i32 = "Upper bound of the share below which Chinese goods cannot explain the exports.",
        against_capacity: i32 = "Documented capacity over exports from which plants can.",
        reports_agree: i32 = "Most difference of two reports that agree.",
        stage_floor_share: i32 = "Share of the exports of a subheading that is the whole of its stage.",
    }
}

numbers! {
    /// The share interval.
    ShareNumbers {
        draws: u16 = "Fixed draws.",
        first_leg_hidden: i32 = "Most of the first leg that is not told under an export control.",
        other_imports_hidden: i32 = "Most of the other imports that is not told.",
        trade_and_content: i32 = "Plus or minus.",
        production: i32 = "Plus or minus.",
        proportional: i32 = "How often the share is proportional.",
        stock_months_low: i32 = "Least opening stock, thousandths of a month of imports.",
        stock_months_high: i32 = "Most opening stock.",
        stock_decay_months: i32 = "Months after the measure in which it is used up.",
    }
}

impl SurgeNumbers {
    /// Added to both sides of a ratio, in tonnes a month.
    pub(crate) fn kappa(&self, class: FamilyClass) -> f64 {
        let kilograms = match class {
            FamilyClass::Bulk => self.kappa_bulk_kilograms_a_year,
            FamilyClass::Minor => self.kappa_minor_kilograms_a_year,
        };
        f64::from(kilograms) / 12_000.0
    }

    /// Growth of the first and of the second leg from which the test fires, by the size of each before, in tonnes a year.
    pub(crate) fn threshold(&self, class: FamilyClass, second: bool, tonnes_a_year: f64) -> f64 {
        let table = &self.thresholds;
        let large = tonnes_a_year >= f64::from(self.large_from_tonnes_a_year);
        part(match (class, large, second) {
            (FamilyClass::Bulk, false, false) => table.bulk_small_first,
            (FamilyClass::Bulk, false, true) => table.bulk_small_second,
            (FamilyClass::Bulk, true, false) => table.bulk_large_first,
            (FamilyClass::Bulk, true, true) => table.bulk_large_second,
            (FamilyClass::Minor, false, false) => table.minor_small_first,
            (FamilyClass::Minor, false, true) => table.minor_small_second,
            (FamilyClass::Minor, true, false) => table.minor_large_first,
            (FamilyClass::Minor, true, true) => table.minor_large_second,
        })
    }
}

impl BalanceNumbers {
    /// Exports in the window, in tonnes, from which a balance says anything.
    pub(crate) fn sample(&self, class: FamilyClass) -> f64 {
        let kilograms = match class {
            FamilyClass::Bulk => self.sample_bulk_kilograms,
            FamilyClass::Minor => self.sample_minor_kilograms,
        };
        f64::from(kilograms) / 1000.0
    }
}
