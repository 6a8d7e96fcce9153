//! From which difference on two count as too different.

use std::str::FromStr;

use super::Diff;

/// What `--fail-on` bounds.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct FailOn {
    /// More flips than this, of corridor-months and shipments together, are too many.
    pub flips: Option<u64>,
    /// The volume of alerts may change by this much, in percent of that of the base, either way.
    pub alerts: Option<f64>,
}

impl FromStr for FailOn {
    type Err = String;

    fn from_str(text: &str) -> Result<FailOn, String> {
        let mut bounds = FailOn::default();
        for part in text.split(',') {
            let (name, value) =
                part.split_once('=').ok_or_else(|| format!("{part:?} is no bound, such as flips=0 or alerts=10"))?;
            let is_set = match name {
                "flips" => {
                    let flips = value.parse().map_err(|_| format!("flips={value}: a whole number of verdicts, such as 0"))?;
                    bounds.flips.replace(flips).is_some()
                }
                "alerts" => {
                    let percent = value.parse().ok().filter(|percent: &f64| percent.is_finite() && *percent >= 0.0);
                    let percent = percent.ok_or_else(|| format!("alerts={value}: percent from 0 on, such as 12.5"))?;
                    bounds.alerts.replace(percent).is_some()
                }
                _ => return Err(format!("there is no bound {name:?}; known are flips and alerts")),
            };
            if is_set {
                return Err(format!("{name} stands there twice"));
            }
        }
        Ok(bounds)
    }
}

impl FailOn {
    /// Which bounds are exceeded, in words.
    pub fn exceeded(&self, diff: &Diff) -> Vec<String> {
        let mut exceeded = Vec::new();
        let (months, shipments) = (diff.corridor_months.flips, diff.shipments.flips);
        if let Some(flips) = self.flips.filter(|flips| months + shipments > *flips) {
            exceeded.push(format!("flips={flips}: {months} corridor-months and {shipments} shipments have another band"));
        }
        let (base, candidate) = (diff.alerts.base.volume, diff.alerts.candidate.volume);
        // Multiplied out, a base without alerts bears none: any is more than every percentage of nothing.
        let is_beyond = |percent: &f64| base.abs_diff(candidate) as f64 * 100.0 > percent * base as f64;
        if let Some(percent) = self.alerts.filter(is_beyond) {
            exceeded.push(format!("alerts={percent}: {base} alerts were opened or raised, and are {candidate}"));
        }
        exceeded
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Heard, Input, Kind, compare};
    use super::*;

    fn diff(flips: (u64, u64), alerts: (u64, u64)) -> Diff {
        let both = [Heard::new("current", Kind::Current), Heard::new("model.toml", Kind::Model)];
        let mut diff = compare(both, Input::Records).unwrap();
        (diff.corridor_months.flips, diff.shipments.flips) = flips;
        (diff.alerts.base.volume, diff.alerts.candidate.volume) = alerts;
        diff
    }

    fn exceeds(bounds: &str, flips: (u64, u64), alerts: (u64, u64)) -> usize {
        bounds.parse::<FailOn>().unwrap().exceeded(&diff(flips, alerts)).len()
    }

    #[test]
    fn bounds_are_read_as_the_help_says() {
        assert_eq!("flips=3".parse(), Ok(FailOn { flips: Some(3), alerts: None }));
        assert_eq!("alerts=12.5,flips=0".parse(), Ok(FailOn { flips: Some(0), alerts: Some(12.5) }));
        for wrong in [
            "",
            "flips",
            "flips=",
            "flips=-1",
            "flips=1.5",
            "alerts=-1",
            "alerts=inf",
            "alerts=NaN",
            "alert=1",
            "flips=1,flips=2",
        ] {
            assert!(wrong.parse::<FailOn>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn flips_of_both_kinds_count_together_and_the_bound_itself_holds() {
        assert_eq!(exceeds("flips=3", (1, 2), (0, 0)), 0);
        assert_eq!(exceeds("flips=2", (1, 2), (0, 9)), 1);
        assert_eq!(exceeds("flips=0", (0, 0), (0, 9)), 0);
    }

    #[test]
    fn alerts_may_change_either_way_by_a_part_of_those_of_the_base() {
        for (candidate, fails) in [(90, 0), (110, 0), (89, 1), (111, 1)] {
            assert_eq!(exceeds("alerts=10", (9, 9), (100, candidate)), fails, "{candidate}");
        }
        assert_eq!((exceeds("alerts=0", (0, 0), (0, 0)), exceeds("alerts=0", (0, 0), (7, 7))), (0, 0));
        // Of none no percentage is some.
        assert_eq!((exceeds("alerts=1000000", (0, 0), (0, 1)), exceeds("alerts=100", (0, 0), (1, 0))), (1, 0));
        assert_eq!(exceeds("flips=0,alerts=0", (1, 0), (2, 1)), 2);
    }
}
