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

/// Shipments of one place.
#[derive(Clone, Copy, Debug, Default, serde::Serialize, serde::Deserialize)]
struct Sum {
    /// Grams of those with mass.
    grams: u128,
    /// How many lack mass.
    without_mass: u32,
    /// How many there are.
    count: u32,
}

impl Teller {
    pub(super) fn new(flow: FlowKind, feed: u16) -> Teller {
        Teller { part: flow.part(), feed }
    }
}

impl Sum {
    fn mass(&self) -> Option<Grams> {
        (self.without_mass < self.count).then_some(Grams(u64::try_from(self.grams).unwrap_or(u64::MAX)))
    }
}

impl Sums {
    pub(super) fn add(&mut self, place: Place, mass: Option<Grams>, sign: i8) {
        let at = self.0.binary_search_by_key(&place, |(place, _)| *place).unwrap_or_else(|at| {
            self.0.insert(at, (place, Sum::default()));
            at
        });
        let Some((_, sum)) = self.0.get_mut(at) else { return };
        let (grams, lacks) = (mass.map_or(0, |mass| u128::from(mass.0)), u32::from(mass.is_none()));
        if sign > 0 {
            *sum = Sum { grams: sum.grams + grams, without_mass: sum.without_mass + lacks, count: sum.count + 1 };
        } else {
            *sum = Sum { grams: sum.grams - grams, without_mass: sum.without_mass - lacks, count: sum.count - 1 };
        }
    }

    /// The lines from a first to a last month; the names of feeds decide between two that tell the same.
    pub(super) fn lines<'a>(
        &'a self,
        (first, last): (Month, Month),
        (side, feeds): (Side, &'a [String]),
    ) -> impl Iterator<Item = Line> + 'a {
        let from = self.0.partition_point(|((month, ..), _)| *month < first);
        let until = self.0.partition_point(|((month, ..), _)| *month <= last);
        let cell = |((month, hs6, _), _): &(Place, Sum)| (*month, *hs6);
        let cells = self.0.get(from..until).unwrap_or_default().chunk_by(move |left, right| cell(left) == cell(right));
        cells.filter_map(move |told| {
            let ((month, hs6, _), sum) = best(told, feeds)?;
            Some(Line { side, period: Period::month(*month), hs6: *hs6, mass: sum.mass(), value_cents: None })
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
    let there = told.iter().filter(|(_, sum)| sum.count > 0);
    there.min_by_key(|((_, _, teller), sum)| (sum.mass().is_none(), teller.part, name(teller.feed)))
}

#[cfg(test)]
mod tests {
    use super::super::books::Account;
    use super::*;
    use FlowKind::{DomesticExport, Export, Import, ImportForConsumption, ReExport};

    /// Grams that shipments of (feed, flow, mass) add up to, in either order.
    #[track_caller]
    fn check(shipments: &[(u16, FlowKind, Option<u64>)], expected: Option<u64>) {
        let feeds = ["b".to_owned(), "a".to_owned()];
        let (month, hs6): (Month, HsSubheading) = ("2025-02".parse().unwrap(), "282580".parse().unwrap());
        for order in [shipments.to_vec(), shipments.iter().rev().copied().collect()] {
            let mut sums = Sums::default();
            for (feed, flow, mass) in &order {
                sums.add((month, hs6, Teller::new(*flow, *feed)), mass.map(Grams), 1);
            }
            let side = Side { account: Account::ImporterShipments, from: "TH".parse().unwrap(), to: "US".parse().unwrap() };
            let lines: Vec<Line> = sums.lines((month, month), (side, &feeds)).collect();
            assert_eq!(lines.iter().map(|line| line.mass.map(|mass| mass.0)).collect::<Vec<_>>(), [expected], "{order:?}");
            // What is taken away leaves nothing.
            order.iter().for_each(|(feed, flow, mass)| sums.add((month, hs6, Teller::new(*flow, *feed)), mass.map(Grams), -1));
            assert_eq!(sums.lines((month, month), (side, &feeds)).count(), 0);
        }
    }

    #[test]
    fn who_tells_the_same_trade_is_never_added() {
        check(&[(0, Import, Some(3)), (0, Import, Some(4)), (0, Import, None)], Some(7));
        // By name, not by who came first.
        check(&[(0, Import, Some(3)), (1, Import, Some(5))], Some(5));
        check(&[(0, Import, Some(3)), (1, Import, None)], Some(3));
        check(&[(0, ImportForConsumption, Some(3)), (0, Import, Some(2))], Some(2));
        check(&[(0, ImportForConsumption, Some(3)), (0, Import, None)], Some(3));
        check(&[(0, DomesticExport, Some(3)), (0, ReExport, Some(2))], Some(5));
        check(&[(0, DomesticExport, Some(3)), (0, ReExport, Some(2)), (0, Export, Some(6))], Some(6));
        check(&[(1, DomesticExport, Some(3)), (0, Export, Some(6))], Some(6));
        check(&[(0, Import, None)], None);
    }
}
