//! Cases: one per intermediary and destination of a family. Opened at `review`, closed by hysteresis; the only state that forgives slowly.

use crate::domain::{Band, Date, Month};
use crate::encode::{AlertWire, CaseStanding, ProvenanceWire};
use crate::scoring::{Model, Verdict};
use crate::signals::{Coverage, Layer, Signal};

/// A case between an intermediary and a destination.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(super) struct Case {
    sequence: u32,
    band: Band,
    #[serde(with = "crate::domain::kept::date")]
    opened: Option<Date>,
    /// The corridor-month that its last alert is about: what clears it is no earlier. `None` where another model or bundle said it,
    /// which this one need not bear out.
    since: Option<Month>,
}

/// A corridor-month of the case as last published.
#[derive(Clone, Copy, Debug)]
pub(super) struct Standing<'a> {
    pub(super) month: Month,
    pub(super) revision: u32,
    pub(super) verdict: &'a Verdict,
}

impl Standing<'_> {
    /// Whether a case may go by it on a day: a month that has not begun, or of which nothing could be observed yet, says nothing, and
    /// pushes none that does out of the last ones. Whoever stops reporting closes no case.
    pub(super) fn speaks_on(&self, clock: Date) -> bool {
        let observed = |(layer, coverage): &(Layer, Coverage)| {
            matches!(layer, Layer::Corridor | Layer::Time) && *coverage == Coverage::Observed
        };
        self.month <= Month::of(clock) && self.verdict.coverage.iter().any(observed)
    }
}

/// A change of a case.
#[derive(Clone, Debug)]
pub(super) struct Change {
    pub(super) change: &'static str,
    from: Band,
    pub(super) to: Band,
    sequence: u32,
    at: Date,
    opened: Date,
    month: Month,
    revision: u32,
    probability: u16,
    because: Vec<Signal>,
    statement: String,
}

impl Case {
    /// A case as its last alert left it.
    pub(super) fn standing(sequence: u32, CaseStanding { band, opened }: CaseStanding) -> Case {
        Case { sequence, band, opened, since: None }
    }

    /// Looks at the corridor-months of the last event months, newest first, and says what changed.
    pub(super) fn update(&mut self, recent: &[Standing<'_>], clock: Date, model: &Model) -> Option<Change> {
        let newest = recent.first()?.month;
        let months = i32::from(model.alerts.open_months);
        let recent: Vec<&Standing<'_>> = recent.iter().filter(|standing| newest.since(standing.month) < months).collect();
        let highest =
            **recent.iter().max_by_key(|standing| (standing.verdict.band, standing.verdict.probability, standing.month))?;
        let band = highest.verdict.band;
        let (change, to) = match self.opened {
            None if band >= Band::Review => ("opened", band),
            None => return None,
            Some(_) if band > self.band => ("raised", band),
            Some(_) if band < self.band && self.has_cleared(&recent, model) => {
                if band >= Band::Review {
                    ("lowered", band)
                } else {
                    ("closed", band)
                }
            }
            Some(_) => return None,
        };
        self.sequence += 1;
        let opened = *self.opened.get_or_insert(clock);
        let from = std::mem::replace(&mut self.band, to);
        self.since = Some(highest.month);
        if change == "closed" {
            self.opened = None;
        }
        let spoke = highest.verdict.evidence.iter().filter(|counted| counted.counted > 0);
        let because: Vec<Signal> = spoke.clone().map(|counted| counted.evidence.signal).collect();
        let statement = spoke.map(|counted| counted.evidence.statement.as_str()).collect::<Vec<_>>().join("; ");
        Some(Change {
            change,
            from,
            to,
            sequence: self.sequence,
            at: clock,
            opened,
            month: highest.month,
            revision: highest.revision,
            probability: highest.verdict.probability,
            because,
            statement,
        })
    }

    /// Below the clearing level of its band for the model's number of consecutive event months, none of them earlier than the one
    /// that its last alert is about: what lay below before says nothing of what came since.
    fn has_cleared(&self, recent: &[&Standing<'_>], model: &Model) -> bool {
        let needed = usize::from(model.alerts.clear_months);
        // What is pending says nothing either way.
        let pending =
            |standing: &Standing<'_>| standing.verdict.coverage.iter().any(|(_, coverage)| *coverage == Coverage::Pending);
        let below = recent
            .iter()
            .filter(|standing| !pending(standing))
            .take(needed)
            .filter(|standing| self.since.is_none_or(|since| standing.month >= since))
            .filter(|standing| standing.verdict.probability <= model.clears_below(self.band, standing.verdict.prior));
        below.count() == needed
    }
}

impl Change {
    pub(super) fn wire<'a>(&self, case: &'a str, provenance: ProvenanceWire<'a>) -> AlertWire<'a> {
        let corridor = case.strip_suffix('-').unwrap_or(case);
        AlertWire {
            kind: "alert",
            case,
            sequence: self.sequence,
            change: self.change,
            from: self.from.word(),
            to: self.to.word(),
            at: self.at.to_string(),
            opened: self.opened.to_string(),
            open: self.change != "closed",
            subject: format!("{corridor}{}", self.month),
            subject_revision: self.revision,
            probability: f64::from(self.probability) / 1000.0,
            because: self.because.iter().map(|signal| signal.code()).collect(),
            statement: if self.statement.is_empty() { "no signal speaks any more".to_owned() } else { self.statement.clone() },
            provenance,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use super::*;
    use crate::scoring::ChineseShare;

    fn verdict(probability: u16, model: &Model) -> Verdict {
        Verdict {
            prior: -3892,
            prior_rows: Rc::new([]),
            evidence: Vec::new(),
            score: 0,
            probability,
            band: model.band(probability),
            limits: Vec::new(),
            share: ChineseShare::UNKNOWN,
            coverage: Vec::new(),
            would_change_most: Vec::new(),
        }
    }

    /// What changes of a case whose months stand so on the first, the second ... of January, newest first.
    fn course(days: &[&[(&str, u16)]]) -> Vec<String> {
        let (model, mut case) = (Model::built_in(), Case::default());
        let mut day = |(number, months): (usize, &&[(&str, u16)])| {
            let verdicts: Vec<Verdict> = months.iter().map(|(_, probability)| verdict(*probability, &model)).collect();
            let months = months.iter().zip(&verdicts);
            let standing = months.map(|((month, _), verdict)| Standing { month: month.parse().unwrap(), revision: 1, verdict });
            let standing: Vec<Standing<'_>> = standing.collect();
            let clock = jiff::civil::date(2026, 1, 1 + i8::try_from(number).unwrap());
            let Change { change, from, to, sequence, opened, month, .. } = case.update(&standing, clock, &model)?;
            Some(format!("{sequence} {change} {} {} since {opened} for {month}", from.word(), to.word()))
        };
        days.iter().enumerate().map(|of| day(of).unwrap_or_default()).collect()
    }

    #[test]
    fn months_that_say_nothing_are_not_gone_by() {
        let model = Model::built_in();
        let speaks = |month: &str, layer, coverage| {
            let verdict = Verdict { coverage: vec![(layer, coverage)], ..verdict(600, &model) };
            let standing = Standing { month: month.parse().unwrap(), revision: 1, verdict: &verdict };
            standing.speaks_on(jiff::civil::date(2025, 3, 1))
        };
        assert!(speaks("2025-03", Layer::Corridor, Coverage::Observed) && speaks("2025-03", Layer::Time, Coverage::Observed));
        assert!(!speaks("2025-04", Layer::Corridor, Coverage::Observed), "it has not begun");
        assert!(
            !speaks("2025-03", Layer::Corridor, Coverage::Pending) && !speaks("2025-03", Layer::Time, Coverage::NotObservable)
        );
        assert!(!speaks("2025-03", Layer::Record, Coverage::Observed), "a bill is no month of trade");
    }

    #[test]
    fn what_is_pending_closes_no_case() {
        let model = Model::built_in();
        let low = |coverage| Verdict {
            coverage: vec![(Layer::Corridor, Coverage::Observed), (Layer::Time, coverage)],
            ..verdict(100, &model)
        };
        for (coverage, closes) in [(Coverage::Pending, false), (Coverage::Observed, true), (Coverage::NotObservable, true)] {
            let mut case = Case { band: Band::Review, opened: Some(jiff::civil::date(2025, 1, 1)), ..Case::default() };
            let low = low(coverage);
            let standing =
                ["2025-03", "2025-02"].map(|month| Standing { month: month.parse().unwrap(), revision: 1, verdict: &low });
            let change = case.update(&standing, jiff::civil::date(2025, 5, 1), &model);
            assert_eq!(change.map(|change| change.change), closes.then_some("closed"), "{coverage:?}");
        }
    }

    #[test]
    fn a_case_is_closed_when_enough_months_in_a_row_lie_below_its_clearing_level() {
        let found = course(&[
            &[("2025-03", 499)],
            &[("2025-03", 600)],
            &[("2025-04", 300), ("2025-03", 600)],
            // The month that opened it is too long ago; of the two that must be low one is not.
            &[("2025-09", 300), ("2025-08", 450), ("2025-03", 600)],
            &[("2025-09", 401), ("2025-08", 300), ("2025-03", 600)],
            &[("2025-09", 300), ("2025-08", 400), ("2025-03", 600)],
            &[("2025-09", 300), ("2025-08", 400), ("2025-03", 600)],
            &[("2025-10", 850), ("2025-09", 300)],
        ]);
        let opened = "1 opened none review since 2026-01-02 for 2025-03";
        let closed = "2 closed review watch since 2026-01-02 for 2025-08";
        let again = "3 opened watch priority since 2026-01-08 for 2025-10";
        assert_eq!(found, ["", opened, "", "", "", closed, "", again]);
    }

    #[test]
    fn a_case_that_is_raised_or_lowered_stays_open_since_it_was_opened() {
        let found = course(&[
            &[("2025-03", 600)],
            &[("2025-04", 850), ("2025-03", 600)],
            &[("2025-05", 700), ("2025-04", 701)],
            &[("2025-05", 700), ("2025-04", 600)],
            // One month alone is not enough of them.
            &[("2025-05", 100)],
        ]);
        let opened = "1 opened none review since 2026-01-01 for 2025-03";
        let raised = "2 raised review priority since 2026-01-01 for 2025-04";
        let lowered = "3 lowered priority review since 2026-01-01 for 2025-05";
        assert_eq!(found, [opened, raised, "", lowered, ""]);
    }

    #[test]
    fn months_before_the_one_that_opened_it_clear_no_case() {
        let found = course(&[
            &[("2025-03", 100), ("2025-02", 100)],
            &[("2025-04", 600), ("2025-03", 100), ("2025-02", 100)],
            // The month that opened it is told anew, and then again.
            &[("2025-04", 300), ("2025-03", 100), ("2025-02", 100)],
            &[("2025-04", 600), ("2025-03", 100), ("2025-02", 100)],
            &[("2025-05", 300), ("2025-04", 300), ("2025-03", 100)],
        ]);
        let opened = "1 opened none review since 2026-01-02 for 2025-04";
        assert_eq!(found, ["", opened, "", "", "2 closed review watch since 2026-01-02 for 2025-05"]);
    }
}
