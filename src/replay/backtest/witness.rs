//! A fold that is watched while history passes: what it says of every corridor-month, day by day, and what simple rules say of it on the
//! same day from the same records. Changes nothing.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use super::flows::{Baselines, Flows};
use crate::decode::movement::{OnMovements, read};
use crate::domain::{CorridorId, Date, Message};
use crate::encode::{Effects, Output, Topic};
use crate::replay::ReplayError;
use crate::stream::Fold;

/// What was said of a corridor-month on a day.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Step {
    /// The day.
    pub as_of: Date,
    /// The probability of rerouting.
    pub probability: f64,
    /// What the prior alone would have given.
    pub prior: f64,
    /// What the simple rules said.
    pub baselines: Baselines,
}

/// Why a corridor-month was judged so when it was last spoken of.
#[derive(Clone, Debug, PartialEq)]
pub struct Judged {
    /// When that was.
    pub as_of: Date,
    /// Its probability.
    pub probability: f64,
    /// Its band.
    pub band: String,
    /// Log-odds before evidence.
    pub prior: f64,
    /// What bounded it.
    pub limits: Vec<String>,
    /// What spoke for it and against it, as the verdict lists it.
    pub grounds: Vec<Ground>,
}

/// A signal in a verdict.
#[derive(Clone, Debug, PartialEq)]
pub struct Ground {
    /// Its name.
    pub signal: String,
    /// Log-odds that it counted.
    pub counted: f64,
    /// What it saw.
    pub statement: String,
    /// Reference rows, as `table/id`.
    pub reference: Vec<String>,
}

/// All that was said.
#[derive(Debug, Default)]
pub struct History {
    /// Of each corridor-month, in order.
    pub steps: BTreeMap<CorridorId, Vec<Step>>,
    /// Reference rows named as evidence, as `table/id`, and the first day on which one was.
    pub cited: BTreeMap<String, Date>,
    /// Models that spoke.
    pub models: BTreeSet<String>,
    /// Reference bundles that spoke.
    pub references: BTreeSet<String>,
    /// The last day that came.
    pub last_day: Option<Date>,
    /// The day on which the last record became known.
    pub last_record: Option<Date>,
    /// The grounds of what was last said, where they are kept.
    pub judged: BTreeMap<CorridorId, Judged>,
}

impl History {
    /// The day of the first verdict.
    pub fn first_day(&self) -> Option<Date> {
        self.steps.values().filter_map(|steps| steps.first()).map(|step| step.as_of).min()
    }
}

/// The fold, and what was seen.
pub struct Witness {
    fold: Box<dyn Fold>,
    flows: Flows,
    history: History,
    keeps_grounds: bool,
    /// The first verdict that could not be read.
    unread: Option<ReplayError>,
}

#[derive(Deserialize)]
struct Said<'a> {
    id: &'a str,
    as_of: &'a str,
    probability: f64,
    band: &'a str,
    prior: i32,
    #[serde(borrow)]
    limits: Vec<LimitedBy<'a>>,
    #[serde(borrow)]
    evidence: Vec<Spoke<'a>>,
    provenance: By<'a>,
}

#[derive(Deserialize)]
struct LimitedBy<'a> {
    limit: &'a str,
}

#[derive(Deserialize)]
struct Spoke<'a> {
    signal: &'a str,
    counted: i32,
    #[serde(borrow)]
    statement: Cow<'a, str>,
    #[serde(default)]
    reference: Vec<String>,
}

#[derive(Deserialize)]
struct By<'a> {
    model: &'a str,
    reference: &'a str,
}

impl Said<'_> {
    fn judged(&self, as_of: Date) -> Judged {
        let log_odds = |thousandths: i32| f64::from(thousandths) / 1000.0;
        let ground = |spoke: &Spoke<'_>| Ground {
            signal: spoke.signal.to_owned(),
            counted: log_odds(spoke.counted),
            statement: spoke.statement.clone().into_owned(),
            reference: spoke.reference.clone(),
        };
        Judged {
            as_of,
            probability: self.probability,
            band: self.band.to_owned(),
            prior: log_odds(self.prior),
            limits: self.limits.iter().map(|by| by.limit.to_owned()).collect(),
            grounds: self.evidence.iter().map(ground).collect(),
        }
    }
}

impl Witness {
    /// Watches a fold that has seen nothing yet.
    pub fn new(fold: Box<dyn Fold>) -> Witness {
        Witness { fold, flows: Flows::default(), history: History::default(), keeps_grounds: false, unread: None }
    }

    /// Keeps also why every corridor-month was judged so: one or two kilobytes of memory each.
    #[must_use]
    pub fn keeping_grounds(self, keeps_grounds: bool) -> Witness {
        Witness { keeps_grounds, ..self }
    }

    /// What was said, and what was told as it is known at the end.
    ///
    /// # Errors
    ///
    /// Where a verdict could not be read: what was scored without it would be another history.
    pub fn end(self) -> Result<(History, Flows), ReplayError> {
        self.unread.map_or(Ok((self.history, self.flows)), Err)
    }

    fn hear(&mut self, output: &Output) {
        if let Err(why) = self.take(&output.value) {
            let what = format!("corridor {}", String::from_utf8_lossy(&output.key));
            self.unread.get_or_insert(ReplayError::NoVerdict { whose: "backtest".to_owned(), what, why });
        }
    }

    fn take(&mut self, verdict: &[u8]) -> Result<(), String> {
        let said: Said<'_> = serde_json::from_slice(verdict).map_err(|error| error.to_string())?;
        let id = said.id.parse::<CorridorId>().map_err(|error| error.to_string())?;
        let as_of = said.as_of.parse::<Date>().map_err(|error| error.to_string())?;
        let step = Step {
            as_of,
            probability: said.probability,
            prior: 1.0 / (1.0 + libm::exp(-f64::from(said.prior) / 1000.0)),
            baselines: self.flows.say(id),
        };
        self.history.steps.entry(id).or_default().push(step);
        if self.keeps_grounds {
            self.history.judged.insert(id, said.judged(as_of));
        }
        for row in said.evidence.into_iter().flat_map(|evidence| evidence.reference) {
            let first = self.history.cited.entry(row).or_insert(as_of);
            *first = as_of.min(*first);
        }
        for (known, said) in
            [(&mut self.history.models, said.provenance.model), (&mut self.history.references, said.provenance.reference)]
        {
            if !known.contains(said) {
                known.insert(said.to_owned());
            }
        }
        Ok(())
    }
}

impl Fold for Witness {
    fn apply(&mut self, message: &Message) -> Effects {
        let effects = self.fold.apply(message);
        // The verdicts of a day go out before the movement that ends it is taken in: they are heard with what was known before it.
        effects.outputs.iter().filter(|output| output.topic == Topic::Corridors).for_each(|output| self.hear(output));
        match message.value.as_deref().map(read) {
            Some(Ok(OnMovements::Movement(movement))) => {
                let day = movement.known_from.to_zoned(jiff::tz::TimeZone::UTC).date();
                self.history.last_record = self.history.last_record.max(Some(day));
                self.flows.add(&movement);
            }
            Some(Ok(OnMovements::Tick(date))) => self.history.last_day = self.history.last_day.max(Some(date)),
            _ => {}
        }
        effects
    }

    fn state_bytes(&self) -> u64 {
        self.fold.state_bytes()
    }

    /// What was said and told is kept.
    fn renew(&mut self) {
        self.fold.renew();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Position;

    /// Says something of one corridor-month with every message, as of these days.
    struct Says(std::vec::IntoIter<&'static str>);

    impl Fold for Says {
        fn apply(&mut self, _: &Message) -> Effects {
            let verdict = |day: &str| {
                format!(
                    r#"{{"id":"SB/TH/US/2025-03","as_of":"{day}","probability":0.5,"band":"watch","prior":-4000,"limits":[],"evidence":[{{"signal":"T1","counted":1,"statement":"","reference":["controls/a"]}}],"provenance":{{"model":"m","reference":"r"}}}}"#
                )
            };
            let output = |value: String| Output {
                topic: Topic::Corridors,
                partition: None,
                key: b"SB/TH/US/2025-03".to_vec(),
                value: value.into_bytes(),
                headers: Vec::new(),
            };
            Effects { outputs: self.0.next().map(|day| output(verdict(day))).into_iter().collect(), ..Effects::default() }
        }

        fn state_bytes(&self) -> u64 {
            0
        }

        fn renew(&mut self) {}
    }

    #[test]
    fn a_verdict_is_heard_with_what_was_told_before_it_and_a_row_with_the_first_day_that_rests_on_it() {
        let says = Says(vec!["2025-05-02", "2025-05-03", "2025-05-01"].into_iter());
        let mut witness = Witness::new(Box::new(says));
        for (way, offset) in
            [(r#"["CN","TH","export","2025-03","282580"]"#, 0), (r#"["US","TH","import","2025-03","282580"]"#, 1), ("", 2)]
        {
            let value = format!(
                r#"{{"trade_flow":[["SB","home","a",1746057600,0,"{offset:016x}","a",0,{offset},282580,5000000,100,[],false],{way}],"kind":"trade_flow","known_from":"2025-05-01T00:00:00Z","record":{{}}}}"#
            );
            let position = Position { topic: "movements".into(), partition: 0, offset };
            witness.apply(&Message {
                position,
                timestamp: None,
                key: None,
                value: Some(value.into_bytes()),
                headers: Vec::new(),
            });
        }
        let (history, flows) = witness.end().unwrap();
        assert_eq!(flows.say("SB/TH/US/2025-03".parse().unwrap()).min_flow, Some(1.0));
        let heard: Vec<Option<f64>> = history.steps.values().flatten().map(|step| step.baselines.min_flow).collect();
        assert_eq!(heard, [None, None, Some(1.0)]);
        assert_eq!(history.cited, BTreeMap::from([("controls/a".to_owned(), "2025-05-01".parse().unwrap())]));
    }

    #[test]
    fn a_verdict_that_cannot_be_read_is_no_silence() {
        let mut witness = Witness::new(Box::new(Says(vec!["2025-05-01", "yesterday"].into_iter())));
        for offset in 0..2 {
            let position = Position { topic: "movements".into(), partition: 0, offset };
            witness.apply(&Message { position, timestamp: None, key: None, value: None, headers: Vec::new() });
        }
        let error = witness.end().unwrap_err();
        assert!(error.to_string().starts_with("backtest: corridor SB/TH/US/2025-03 is no verdict: "), "{error}");
        assert_eq!(error.exit_code(), 70);
    }
}
