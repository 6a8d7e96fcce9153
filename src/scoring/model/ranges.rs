//! Which numbers of a model make sense. One outside of its range turns a share into none, or keeps a signal, a guard or an alert from
//! ever speaking.

use super::InvalidModel;

/// Keys, what they may be at least and at most, and that in words.
type Range = (&'static [&'static str], (i64, i64), &'static str);

/// Ranges that depend on no other number.
const RANGES: &[Range] = &[
    (
        &[
            "combination.damping",
            "limits.disjoint_layers_at_most",
            "limits.ownership_alone_at_most",
            "limits.basket_at_most",
            "limits.stage_floor_at_most",
            "prior.partial",
            "route_cn_lading.received_or_laden",
            "route_cn_lading.consigned",
            "route_cn_lading.transshipped",
            "event_surge.stage_share_min",
            "mass_balance.reported_min",
            "mass_balance.usual_source",
            "mass_balance.secondary_unlisted",
            "mass_balance.against_share_below",
            "share.production",
            "share.proportional",
            "alerts.clear_above_prior",
        ],
        (0, 1000),
        "0 to 1000",
    ),
    (&["share.first_leg_hidden", "share.other_imports_hidden", "share.trade_and_content"], (0, 990), "0 to 990"),
    (&["prior.direct_fall", "mass_balance.stage_floor_share", "combination.step"], (1, 1000), "1 to 1000"),
    (&["bands.priority"], (1, 1000), "bands.review to 1000"),
    (&["prior.base_probability"], (1, 999), "1 to 999"),
    (
        &[
            "combination.record_low",
            "combination.entity_low",
            "combination.corridor_low",
            "combination.time_low",
            "combination.log_odds_low",
            "prior.suspended",
            "mass_balance.against",
        ],
        (-100_000, 0),
        "-100000 to 0",
    ),
    (
        &[
            "combination.record_high",
            "combination.entity_high",
            "combination.corridor_high",
            "combination.time_high",
            "combination.log_odds_high",
            "prior.ban",
            "prior.licence",
            "prior.tariff",
            "route_cn_lading.incentive",
            "route_cn_lading.no_incentive",
            "event_surge.both_legs",
            "event_surge.one_leg",
            "event_surge.still_leg",
            "event_surge.still",
            "event_surge.both_legs_cap",
            "event_surge.one_leg_cap",
            "event_surge.thresholds.bulk_small_first",
            "event_surge.thresholds.bulk_small_second",
            "event_surge.thresholds.bulk_large_first",
            "event_surge.thresholds.bulk_large_second",
            "event_surge.thresholds.minor_small_first",
            "event_surge.thresholds.minor_small_second",
            "event_surge.thresholds.minor_large_first",
            "event_surge.thresholds.minor_large_second",
            "mass_balance.weight",
            "mass_balance.cap",
            "mass_balance.reports_agree",
        ],
        (0, 100_000),
        "0 to 100000",
    ),
    (&["calibration.intercept"], (-100_000, 100_000), "-100000 to 100000"),
    (&["calibration.slope", "prior.tariff_wedge_full", "mass_balance.against_capacity"], (1, 100_000), "1 to 100000"),
    (&["episodes.together_months"], (0, 1200), "0 to 1200"),
    (&["episodes.reach_months", "share.stock_decay_months"], (1, 1200), "1 to 1200"),
    (
        &["episodes.before_months", "episodes.after_months", "mass_balance.usual_months", "alerts.open_months"],
        (1, 120),
        "1 to 120",
    ),
    (&["mass_balance.window_months", "mass_balance.window_months_beside"], (1, 60), "1 to 60"),
    (&["event_surge.demand_sources_min"], (1, 1000), "1 to 1000"),
    (&["event_surge.demand_shrink"], (0, 1000), "0 to 1000"),
    (&["share.draws"], (20, 10_000), "20 to 10000"),
    (&["share.stock_months_high"], (0, 1_000_000), "0 to 1000000"),
    (
        &[
            "event_surge.kappa_bulk_kilograms_a_year",
            "event_surge.kappa_minor_kilograms_a_year",
            "horizons.outputs_per_input_max",
        ],
        (1, 1_000_000),
        "1 to 1000000",
    ),
    (&["event_surge.large_from_tonnes_a_year"], (0, 1_000_000_000), "0 to 1000000000"),
    (&["mass_balance.sample_bulk_kilograms", "mass_balance.sample_minor_kilograms"], (1, 1_000_000_000), "1 to 1000000000"),
    (&["sample.heading_kilograms", "sample.heading_dollars"], (1, 1_000_000_000_000), "1 to 1000000000000"),
    (&["horizons.record_lookback_days"], (1, 20_000), "1 to 20000"),
    (&["horizons.default_lag_days"], (0, 20_000), "0 to 20000"),
];

/// A number with the two that it lies between, by key or as they stand.
type Between = (&'static str, (Bound, Bound), &'static str);

enum Bound {
    Number(i64),
    Key(&'static str),
}

use Bound::{Key, Number};

/// What asks for more months than there are never speaks; what asks for none speaks of nothing.
const BETWEEN: &[Between] = &[
    ("bands.watch", (Number(1), Key("bands.review")), "1 to bands.review"),
    ("bands.review", (Key("bands.watch"), Key("bands.priority")), "bands.watch to bands.priority"),
    ("mass_balance.yield_low", (Number(1), Key("mass_balance.yield_high")), "1 to mass_balance.yield_high"),
    ("mass_balance.yield_high", (Key("mass_balance.yield_low"), Number(1000)), "mass_balance.yield_low to 1000"),
    (
        "mass_balance.yield",
        (Key("mass_balance.yield_low"), Key("mass_balance.yield_high")),
        "mass_balance.yield_low to mass_balance.yield_high",
    ),
    ("share.stock_months_low", (Number(0), Key("share.stock_months_high")), "0 to share.stock_months_high"),
    ("episodes.before_months_min", (Number(1), Key("episodes.before_months")), "1 to episodes.before_months"),
    ("episodes.after_months_min", (Number(1), Key("episodes.after_months")), "1 to episodes.after_months"),
    ("prior.direct_before_months_min", (Number(1), Key("episodes.before_months")), "1 to episodes.before_months"),
    ("alerts.clear_months", (Number(1), Key("alerts.open_months")), "1 to alerts.open_months"),
    ("alerts.clear_below", (Number(0), Key("bands.review")), "0 to bands.review"),
];

/// Refuses the first number outside of its range.
pub(super) fn check(table: &toml::Table) -> Result<(), InvalidModel> {
    for (keys, (least, most), allowed) in RANGES {
        keys.iter().try_for_each(|key| within(table, key, (*least, *most), allowed))?;
    }
    for (key, (least, most), allowed) in BETWEEN {
        let [least, most] = [least, most].map(|bound| match bound {
            Number(number) => Some(*number),
            Key(key) => number(table, key),
        });
        within(table, key, (least.unwrap_or(i64::MIN), most.unwrap_or(i64::MAX)), allowed)?;
    }
    Ok(())
}

fn within(table: &toml::Table, key: &'static str, (least, most): (i64, i64), allowed: &'static str) -> Result<(), InvalidModel> {
    match number(table, key) {
        Some(value) if !(least..=most).contains(&value) => Err(InvalidModel::OutOfRange { key, value, allowed }),
        _ => Ok(()),
    }
}

/// The number under a key with its tables.
fn number(table: &toml::Table, key: &str) -> Option<i64> {
    match key.split_once('.') {
        Some((name, rest)) => number(table.get(name)?.as_table()?, rest),
        None => table.get(key)?.as_integer(),
    }
}
