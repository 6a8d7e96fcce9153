//! What is written by hand is what `serde_json` makes of the same wire structs. Tests only.

use std::rc::Rc;

use proptest::prelude::*;

use super::super::verdict::{CorridorRefWire, EvidenceWire, Shown, serialized};
use super::*;
use crate::domain::{Band, CorridorId, Date, HsSubheading, Month};
use crate::ledger::Account;
use crate::scoring::{Balance, ChineseShare, Counted, Coverage, Limit, Verdict, WouldChange};
use crate::signals::{Figure, Layer};

/// What a verdict is made of, whatever it says.
#[derive(Clone, Debug)]
struct Parts {
    texts: Vec<String>,
    numbers: Vec<i32>,
    values: Vec<f64>,
    /// Which of what may be absent is there.
    there: u16,
}

fn parts() -> impl Strategy<Value = Parts> {
    let values = prop::collection::vec(prop_oneof![any::<f64>(), -1e6..1e6, Just(0.0)], 6);
    (prop::collection::vec(any::<String>(), 6), prop::collection::vec(any::<i32>(), 8), values, any::<u16>())
        .prop_map(|(texts, numbers, values, there)| Parts { texts, numbers, values, there })
}

impl Parts {
    fn has(&self, bit: u16) -> bool {
        self.there >> bit & 1 == 1
    }

    fn text(&self, index: usize) -> String {
        self.texts[index].clone()
    }

    fn evidence(&self, signal: Signal) -> Counted {
        let names = ["second", "first", "third"];
        let figure = |index: usize| Figure { name: names[index], value: self.values[index], decimals: index as u8 };
        let evidence = Evidence {
            signal,
            weight: self.numbers[0],
            statement: self.text(0),
            figures: (0..if self.has(0) { 3 } else { 0 }).map(figure).collect(),
            rests_on: Vec::new(),
            reference: if self.has(1) { vec![self.text(1), self.text(2)] } else { Vec::new() },
            falsified_by: self.text(3),
        };
        Counted { evidence: Rc::new(evidence), counted: self.numbers[1] }
    }

    fn verdict(&self) -> Verdict {
        let all = [
            Limit::DisjointLayers { at_most: 799 },
            Limit::Insufficient { band: Band::Watch },
            Limit::StageFloor { at_least: self.numbers[2].unsigned_abs() as u16 },
        ];
        let limits = all.into_iter().zip(2..).filter(|(_, bit)| self.has(*bit)).map(|(limit, _)| limit).collect();
        let layers = Layer::ALL.into_iter().zip(5..).filter(|(_, bit)| self.has(*bit));
        let told = [Signal::RouteCnLading, Signal::EventSurge].into_iter().zip(9..).filter(|(_, bit)| self.has(*bit));
        let change = WouldChange { signal: "E1_FIRM_MINFLOW", because: self.text(4).into() };
        Verdict {
            prior: self.numbers[3],
            prior_rows: if self.has(11) { [self.text(5), self.text(0)].into() } else { [].into() },
            evidence: told.map(|(signal, _)| self.evidence(signal)).collect(),
            score: self.numbers[4],
            probability: self.numbers[5].unsigned_abs() as u16 % 1001,
            band: Band::Review,
            limits,
            share: ChineseShare { low: self.numbers[6] as u8, mid: self.has(12).then_some(7), high: 100 },
            coverage: layers.map(|(layer, _)| (layer, Coverage::Pending)).collect(),
            would_change_most: vec![change; usize::from(self.has(13))],
        }
    }

    fn records(&self) -> Records {
        Records { ids: if self.has(14) { self.texts.clone() } else { Vec::new() }, total: self.numbers[7].unsigned_abs().into() }
    }

    fn day(&self) -> Date {
        jiff::civil::date(1990 + (self.numbers[0] % 60).abs() as i16, 2, 28)
    }

    fn corridor(&self) -> CorridorId {
        let month = Month::of(self.day());
        let (intermediary, destination) = ("TH".parse().unwrap(), "US".parse().unwrap());
        CorridorId { family: "H2825".parse().unwrap(), intermediary, destination, month }
    }

    fn provenance(&self) -> ProvenanceWire<'_> {
        ProvenanceWire { source: self.has(15).then_some(&self.texts[0]), fold: 1, model: &self.texts[1], reference: "r" }
    }

    fn assessment<'a, E>(&'a self, verdict: &'a Verdict, evidence: Vec<E>) -> AssessmentWire<'a, E> {
        AssessmentWire {
            kind: "assessment",
            id: &self.texts[0],
            record_revision: self.numbers[0].unsigned_abs(),
            revision: 1,
            status: "active",
            as_of: Shown(self.day()),
            event_date: Shown(self.day()),
            family: "SB",
            hs6: Shown(HsSubheading::numbered(self.numbers[1].unsigned_abs() % 1_000_000).unwrap()),
            intermediary: "TH",
            destination: "US",
            corridor: self.has(0).then(|| CorridorRefWire { id: Shown(self.corridor()), revision: 3 }),
            verdict: VerdictWire::new(verdict),
            evidence,
            would_change_most: VerdictWire::would_change(verdict),
            quality: if self.has(1) { vec!["no_mass", "hs_split"] } else { Vec::new() },
            provenance: self.provenance(),
        }
    }

    fn corridor_month<'a, E>(&'a self, verdict: &'a Verdict, evidence: Vec<E>) -> CorridorWire<'a, E> {
        let maybe = |index: usize| self.has(index as u16).then_some(self.values[index]);
        let balance = Balance {
            window_months: 6,
            account: Account::ImporterFlow,
            exports_t: self.values[0],
            production_t: maybe(1),
            secondary_t: maybe(2),
            other_imports_t: maybe(3),
            opening_stock_t: maybe(4),
            chinese_imports_t: maybe(5),
        };
        let mut shipments = ShipmentsWire { assessed: 2, ..ShipmentsWire::default() };
        shipments.by_band.count(Band::Watch);
        CorridorWire {
            kind: "corridor",
            id: Shown(self.corridor()),
            revision: 2,
            family: "SB",
            intermediary: "TH",
            destination: "US",
            month: Shown(self.corridor().month),
            as_of: Shown(self.day()),
            complete_fraction: self.has(0).then(|| rounded(self.values[1], 2)),
            verdict: VerdictWire::new(verdict),
            balance: self.has(1).then(|| BalanceWire::new(&balance)),
            shipments,
            evidence,
            would_change_most: VerdictWire::would_change(verdict),
            provenance: self.provenance(),
        }
    }
}

fn spoken(counted: &Counted, records: &Records) -> Spoken<'static> {
    let evidence = &counted.evidence;
    let words = Cow::Owned(words(evidence, records).into_vec());
    Spoken { signal: evidence.signal, weight: evidence.weight, counted: counted.counted, words }
}

#[track_caller]
fn check(by_hand: Vec<u8>, by_serde: Vec<u8>) {
    assert_eq!(String::from_utf8(by_hand).unwrap(), String::from_utf8(by_serde).unwrap());
}

proptest! {
    #[test]
    fn a_verdict_is_written_as_serde_writes_it(parts in parts()) {
        let (verdict, records) = (parts.verdict(), parts.records());
        let spoken = || verdict.evidence.iter().map(|counted| spoken(counted, &records)).collect::<Vec<_>>();
        let wires = || verdict.evidence.iter().map(|counted| EvidenceWire::new(counted, &records)).collect::<Vec<_>>();
        let assessment = parts.assessment(&verdict, spoken());
        check(assessment.bytes(), serialized(&parts.assessment(&verdict, wires())));
        check(parts.corridor_month(&verdict, spoken()).bytes(), serialized(&parts.corridor_month(&verdict, wires())));
    }
}
