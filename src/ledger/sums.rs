//! What shipments on one way add up to, by month, code and who tells. Adds up; judges nothing.

use super::books::{Line, Side};
use crate::domain::{FlowKind, Grams, HsSubheading, Month, Period};

/// Shipments on one way, in order.
#[derive(Clone, Debug, Default, serde::Serialize, serde::Deserialize)]
pub(super) struct Sums(Vec<(Place, Sum)>);

/// Month, code, who tells.
type Place = (Month, HsSubheading, Teller);

/// Who tells of shipments: a feed, and whether what it tells is the whole or a part of it, as with flows. Two tellers tell the same
/// trade; the parts of one add up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub(super) struct Teller {
    part: u8,
    feed: u16,
}

/// What a shipment weighs and what it is worth in US cents, as far as both may be used.
pub(super) type Measure = (Option<Grams>, Option<u64>);

/// Shipments of one place.
#[derive(Clone, Copy, Debug, Default, serde::Serialize, serde::Deserialize)]
struct Sum {
    /// Those with mass: grams, cents, how many, and how many of them have no value.
    grams: u128,
    cents: u128,
    weighed: u32,
    unvalued: u32,
    /// Those without: cents, how many.
    unweighed_cents: u128,
    unweighed: u32,
}

impl Teller {
    pub(super) fn new(flow: FlowKind, feed: u16) -> Teller {
        Teller { part: flow.part(), feed }
    }
}

impl Sum {
    fn of((mass, value): Measure) -> Sum {
        let (cents, unvalued) = (u128::from(value.unwrap_or(0)), u32::from(value.is_none()));
        match mass {
            Some(Grams(grams)) => Sum { grams: u128::from(grams), cents, weighed: 1, unvalued, ..Sum::default() },
            None => Sum { unweighed_cents: cents, unweighed: 1, ..Sum::default() },
        }
    }

    fn plus(self, other: Sum) -> Sum {
        Sum {
            grams: self.grams + other.grams,
            cents: self.cents + other.cents,
            weighed: self.weighed + other.weighed,
            unvalued: self.unvalued + other.unvalued,
            unweighed_cents: self.unweighed_cents + other.unweighed_cents,
            unweighed: self.unweighed + other.unweighed,
        }
    }

    /// Takes away what was added before.
    fn minus(self, other: Sum) -> Sum {
        Sum {
            grams: self.grams - other.grams,
            cents: self.cents - other.cents,
            weighed: self.weighed - other.weighed,
            unvalued: self.unvalued - other.unvalued,
            unweighed_cents: self.unweighed_cents - other.unweighed_cents,
            unweighed: self.unweighed - other.unweighed,
        }
    }

    /// What has a mass, with its value where all of it has one, and what has none; of what has none for more than a fifth of its
    /// dollars the mass is not told.
    fn measures(&self) -> impl Iterator<Item = Measure> + use<> {
        let whole = |sum: u128| u64::try_from(sum).unwrap_or(u64::MAX);
        if self.unweighed_cents * 4 > self.cents {
            return Some((None, Some(whole(self.cents + self.unweighed_cents)))).into_iter().chain(None);
        }
        let value = (self.unvalued == 0).then_some(whole(self.cents));
        let weighed = (self.weighed > 0).then_some((Some(Grams(whole(self.grams))), value));
        let unweighed = (self.unweighed > 0).then_some((None, Some(whole(self.unweighed_cents))));
        weighed.into_iter().chain(unweighed)
    }
}

impl Sums {
    pub(super) fn add(&mut self, place: Place, measure: Measure, sign: i8) {
        let at = self.0.binary_search_by_key(&place, |(place, _)| *place).unwrap_or_else(|at| {
            self.0.insert(at, (place, Sum::default()));
            at
        });
        let Some((_, sum)) = self.0.get_mut(at) else { return };
        *sum = if sign > 0 { sum.plus(Sum::of(measure)) } else { sum.minus(Sum::of(measure)) };
    }

    /// The lines from a first to a last month, of what has a mass and of what has none apart; the names of feeds decide between two
    /// that tell the same.
    pub(super) fn lines<'a>(
        &'a self,
        (first, last): (Month, Month),
        (side, feeds): (Side, &'a [String]),
    ) -> impl Iterator<Item = Line> + 'a {
        let from = self.0.partition_point(|((month, ..), _)| *month < first);
        let until = self.0.partition_point(|((month, ..), _)| *month <= last);
        let cell = |((month, hs6, _), _): &(Place, Sum)| (*month, *hs6);
        let cells = self.0.get(from..until).unwrap_or_default().chunk_by(move |left, right| cell(left) == cell(right));
        cells.filter_map(move |told| best(told, feeds)).flat_map(move |((month, hs6, _), sum)| {
            let line =
                Line { side, period: Period::month(*month), hs6: *hs6, mass: None, value_cents: None, is_re_export: false };
            sum.measures().map(move |(mass, value_cents)| Line { mass, value_cents, ..line })
        })
    }

    /// Whose sum the line of a month and code is.
    pub(super) fn teller(&self, cell: (Month, HsSubheading), feeds: &[String]) -> Option<Teller> {
        let from = self.0.partition_point(|((month, hs6, _), _)| (*month, *hs6) < cell);
        let until = self.0.partition_point(|((month, hs6, _), _)| (*month, *hs6) <= cell);
        best(self.0.get(from..until)?, feeds).map(|((_, _, teller), _)| *teller)
    }

    pub(super) fn bytes(&self) -> u64 {
        (self.0.capacity() * size_of::<(Place, Sum)>()) as u64
    }
}

/// The sum that counts of those that tell the same: mass before none, the whole before parts, then the feed's name.
fn best<'a>(told: &'a [(Place, Sum)], feeds: &[String]) -> Option<&'a (Place, Sum)> {
    let name = |feed: u16| feeds.get(usize::from(feed)).map(String::as_str).unwrap_or_default();
    let there = told.iter().filter(|(_, sum)| sum.weighed + sum.unweighed > 0);
    there.min_by_key(|((_, _, teller), sum)| (sum.weighed == 0, teller.part, name(teller.feed)))
}

#[cfg(test)]
mod tests {
    use super::super::books::Account;
    use super::*;
    use FlowKind::{DomesticExport, Export, Import, ImportForConsumption, ReExport};

    /// What shipments of (feed, flow, mass, value) add up to, in either order.
    #[track_caller]
    fn adds_up(shipments: &[(u16, FlowKind, Option<u64>, Option<u64>)], expected: &[(Option<u64>, Option<u64>)]) {
        let feeds = ["b".to_owned(), "a".to_owned()];
        let (month, hs6): (Month, HsSubheading) = ("2025-02".parse().unwrap(), "282580".parse().unwrap());
        for order in [shipments.to_vec(), shipments.iter().rev().copied().collect()] {
            let mut sums = Sums::default();
            let count = |sums: &mut Sums, sign| {
                for (feed, flow, mass, value) in &order {
                    sums.add((month, hs6, Teller::new(*flow, *feed)), (mass.map(Grams), *value), sign);
                }
            };
            count(&mut sums, 1);
            let side = Side { account: Account::ImporterShipments, from: "TH".parse().unwrap(), to: "US".parse().unwrap() };
            let lines = sums.lines((month, month), (side, &feeds));
            let lines: Vec<_> = lines.map(|line| (line.mass.map(|mass| mass.0), line.value_cents)).collect();
            assert_eq!(lines, expected, "{order:?}");
            // What is taken away leaves nothing.
            count(&mut sums, -1);
            assert_eq!(sums.lines((month, month), (side, &feeds)).count(), 0);
        }
    }

    #[test]
    fn who_tells_the_same_trade_is_never_added() {
        let check = |shipments: &[(u16, FlowKind, Option<u64>)], expected: u64| {
            let shipments: Vec<_> = shipments.iter().map(|(feed, flow, mass)| (*feed, *flow, *mass, None)).collect();
            adds_up(&shipments, &[(Some(expected), None)]);
        };
        check(&[(0, Import, Some(3)), (0, Import, Some(4))], 7);
        check(&[(0, DomesticExport, Some(3)), (0, ReExport, Some(2))], 5);
        // By name, not by who came first.
        check(&[(0, Import, Some(3)), (1, Import, Some(5))], 5);
        check(&[(0, Import, Some(3)), (1, Import, None)], 3);
        check(&[(0, ImportForConsumption, Some(3)), (0, Import, Some(2))], 2);
        check(&[(0, ImportForConsumption, Some(3)), (0, Import, None)], 3);
        check(&[(0, DomesticExport, Some(3)), (0, ReExport, Some(2)), (0, Export, Some(6))], 6);
        check(&[(1, DomesticExport, Some(3)), (0, Export, Some(6))], 6);
    }

    #[test]
    fn what_has_no_mass_is_told_apart() {
        let (some, none) = (|mass, value| (0, Import, Some(mass), value), |value| (0, Import, None, value));
        adds_up(&[some(3, Some(40)), none(Some(10)), none(None)], &[(Some(3), Some(40)), (None, Some(10))]);
        adds_up(&[some(3, Some(40)), none(Some(11))], &[(None, Some(51))]);
        // A price needs the value of all.
        adds_up(&[some(3, Some(9)), some(4, None)], &[(Some(7), None)]);
        adds_up(&[none(Some(5))], &[(None, Some(5))]);
    }
}
