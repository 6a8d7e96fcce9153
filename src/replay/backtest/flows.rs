//! What simple rules say of a corridor-month from the same records: the baselines that the service has to beat. Sums of mass by month, one
//! account a pair, nothing else remembered. A rule whose figures are missing says nothing.

use std::collections::BTreeMap;

use crate::domain::{CorridorId, Country, FamilyId, FeedName, FlowKind, Grams, Month, Movement, MovementBody, Standing, Status};

/// Months of the window of minimum flows.
const WINDOW: i32 = 12;
/// Months that growth compares with the same a year before.
const SEASON: i32 = 3;
/// Added to both sides of a growth, so that it is finite: a tonne.
const KAPPA: f64 = 1.0;
/// From here on growth is more than 100 %.
const DOUBLED: f64 = 2.0;

/// What the simple rules say; absent where their figures are missing.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Baselines {
    /// The part of M's exports to D that M's imports from China could fill, over a year.
    pub min_flow: Option<f64>,
    /// 1 where exports M → D more than doubled within a year, else 0.
    pub growth: Option<f64>,
    /// The smaller growth of both legs, in log points; 0 where either fell.
    pub both_legs: Option<f64>,
}

/// Who told a sum: the best account of a pair is the first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Account(u8, FeedName);

/// What goes from one country to another.
type Pair = (FamilyId, Country, Country);

/// Where a record is counted.
#[derive(Clone, Debug)]
struct Slot {
    pair: Pair,
    account: Account,
    month: Month,
    grams: u64,
}

/// Sums by month, as far as they are known.
#[derive(Debug, Default)]
pub struct Flows {
    records: BTreeMap<(FamilyId, String), Slot>,
    sums: BTreeMap<Pair, BTreeMap<Account, BTreeMap<Month, u64>>>,
}

impl Flows {
    /// Takes a movement in. A later version of a record replaces the earlier one; movements come as they became known.
    pub(super) fn add(&mut self, movement: &Movement) {
        if movement.standing != Standing::Home {
            return;
        }
        let (id, slot) = match &movement.body {
            MovementBody::Shipment(facts) => {
                let m = facts.route().intermediary().filter(|_| facts.status == Status::Active);
                let account = Account(4, movement.feed.clone());
                let slot = m.map(|m| ((movement.family, m, facts.destination), account, Month::of(facts.event_date)));
                (facts.id.clone(), slot)
            }
            MovementBody::TradeFlow(facts) => {
                let (rank, pair) = match facts.flow {
                    FlowKind::Import => (0, (movement.family, facts.partner, facts.reporter)),
                    FlowKind::ImportForConsumption => (1, (movement.family, facts.partner, facts.reporter)),
                    FlowKind::Export => (2, (movement.family, facts.reporter, facts.partner)),
                    FlowKind::DomesticExport | FlowKind::ReExport => (3, (movement.family, facts.reporter, facts.partner)),
                };
                let is_month = facts.period.months() == 1;
                let slot = is_month.then(|| (pair, Account(rank, movement.feed.clone()), facts.period.first()));
                (format!("{}:{}", movement.feed, facts.id()), slot)
            }
        };
        let id = (movement.family, id);
        if let Some(old) = self.records.remove(&id) {
            let sum = self.sums.entry(old.pair).or_default().entry(old.account).or_default().entry(old.month).or_default();
            *sum = sum.saturating_sub(old.grams);
        }
        let (Some((pair, account, month)), Some(Grams(grams))) = (slot, movement.mass) else { return };
        let sum = self.sums.entry(pair).or_default().entry(account.clone()).or_default().entry(month).or_default();
        *sum = sum.saturating_add(grams);
        self.records.insert(id, Slot { pair, account, month, grams });
    }

    /// Tonnes M → D of the corridor-month itself.
    pub fn tonnes(&self, id: CorridorId) -> f64 {
        self.leg(&[(id.family, id.intermediary, id.destination)]).map_or(0.0, |leg| leg.sum(id.month, 1))
    }

    /// Tonnes M → D and China → M of a corridor, by month.
    pub(super) fn legs(&self, (family, m, d): (FamilyId, Country, Country)) -> (BTreeMap<Month, f64>, BTreeMap<Month, f64>) {
        let tonnes = |leg: Option<Leg>| leg.map(|leg| leg.months.keys().map(|month| (*month, leg.sum(*month, 1))).collect());
        let [out, into] = [self.leg(&[(family, m, d)]), self.leg(&from_china(family, m))].map(tonnes);
        (out.unwrap_or_default(), into.unwrap_or_default())
    }

    /// What the rules say of a corridor-month now.
    pub(super) fn say(&self, id: CorridorId) -> Baselines {
        let out = self.leg(&[(id.family, id.intermediary, id.destination)]);
        let (Some(out), into) = (out, self.leg(&from_china(id.family, id.intermediary))) else { return Baselines::default() };
        let filled = |into: &Leg| {
            let exports = out.sum(id.month, WINDOW);
            if exports > 0.0 { Some(into.sum(id.month, WINDOW).min(exports) / exports) } else { None }
        };
        let second = out.growth(id.month);
        let both = into.as_ref().and_then(|into| into.growth(id.month)).zip(second).map(|(first, second)| first.min(second));
        Baselines {
            min_flow: into.as_ref().and_then(filled),
            growth: second.map(|growth| if growth > DOUBLED { 1.0 } else { 0.0 }),
            both_legs: both.map(|growth| libm::log(growth).max(0.0)),
        }
    }

    /// The sums of pairs together, of the best account of each; absent where nobody tells any.
    fn leg(&self, pairs: &[Pair]) -> Option<Leg> {
        let mut months: BTreeMap<Month, u64> = BTreeMap::new();
        for pair in pairs {
            let Some((_, sums)) = self.sums.get(pair).and_then(|accounts| accounts.iter().find(|(_, sums)| !sums.is_empty()))
            else {
                continue;
            };
            for (month, grams) in sums {
                let sum = months.entry(*month).or_default();
                *sum = sum.saturating_add(*grams);
            }
        }
        let first = *months.first_key_value()?.0;
        Some(Leg { months, first })
    }
}

/// What goes from China to M, its customs territories together.
fn from_china(family: FamilyId, m: Country) -> Vec<Pair> {
    [*b"CN", *b"HK", *b"MO"].into_iter().filter_map(Country::of).map(|china| (family, china, m)).collect()
}

/// One leg, month by month.
struct Leg {
    months: BTreeMap<Month, u64>,
    first: Month,
}

impl Leg {
    /// Tonnes of so many months that end with this one.
    fn sum(&self, last: Month, months: i32) -> f64 {
        let grams: u64 = self.months.range(last.plus(1 - months)..=last).map(|(_, grams)| *grams).sum();
        grams as f64 / 1e6
    }

    /// A season over the same one a year before; absent where that one lies before the first month that anybody told.
    fn growth(&self, last: Month) -> Option<f64> {
        let before = last.plus(-12);
        if before.plus(1 - SEASON) < self.first {
            return None;
        }
        Some((self.sum(last, SEASON) + KAPPA) / (self.sum(before, SEASON) + KAPPA))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ShipmentFacts;

    /// So many tonnes of months from China into TH, and out of it to the US.
    fn flows(into: &[(&str, u64)], out: &[(&str, u64)]) -> Flows {
        let mut flows = Flows::default();
        into.iter().for_each(|(month, tonnes)| flows.add(&Movement::told(&format!("f/CN/export/TH/282580/{month}"), *tonnes)));
        out.iter().for_each(|(month, tonnes)| flows.add(&Movement::told(&format!("f/US/import/TH/282580/{month}"), *tonnes)));
        flows
    }

    fn id(text: &str) -> CorridorId {
        text.parse().unwrap()
    }

    #[test]
    fn the_rules_are_what_they_are_by_hand() {
        let into = [("2024-01", 1), ("2024-02", 1), ("2024-03", 1), ("2025-01", 5), ("2025-02", 5), ("2025-03", 5)];
        let out = [("2024-01", 2), ("2024-02", 2), ("2024-03", 3), ("2025-01", 10), ("2025-02", 10), ("2025-03", 11)];
        let said = flows(&into, &out).say(id("SB/TH/US/2025-03"));
        // 15 t of the last twelve months came in, 31 t went out; 32 beside 8 and 16 beside 4, with a tonne added to each.
        assert_eq!(said, Baselines { min_flow: Some(15.0 / 31.0), growth: Some(1.0), both_legs: Some(libm::log(4.0)) });
        // Twice as much is not more than twice; the first leg fell.
        let said = flows(&[("2024-01", 9), ("2025-03", 1)], &[("2024-01", 1), ("2025-03", 3)]).say(id("SB/TH/US/2025-03"));
        assert_eq!((said.growth, said.both_legs), (Some(0.0), Some(0.0)));
    }

    #[test]
    fn what_nobody_told_is_not_said() {
        let said = flows(&[], &[("2025-01", 10)]).say(id("SB/TH/US/2025-03"));
        assert_eq!(said, Baselines::default(), "no first leg, no year before");
        let said = flows(&[("2025-03", 1)], &[]).say(id("SB/TH/US/2025-03"));
        assert_eq!(said, Baselines::default(), "no second leg");
    }

    /// A bill of so many tonnes from TH into the US.
    fn bill(id: &str, status: Status, tonnes: u64) -> Movement {
        let facts = ShipmentFacts {
            id: id.to_owned(),
            revision: 1,
            status,
            event_date: "2025-03-05".parse().unwrap(),
            country_of_origin: Some("TH".parse().unwrap()),
            country_of_consignment: None,
            country_of_lading: None,
            destination: "US".parse().unwrap(),
            place_of_receipt: None,
            port_of_lading: None,
            transit_ports: Vec::new(),
        };
        Movement { body: MovementBody::Shipment(facts), ..Movement::told("f/US/import/TH/282580/2025-03", tonnes) }
    }

    #[test]
    fn bills_that_hold_count_where_nobody_tells_sums() {
        let mut flows = Flows::default();
        let id = id("SB/TH/US/2025-03");
        let tonnes = |flows: &Flows| Some(flows.tonnes(id));
        flows.add(&bill("f:a", Status::Active, 3));
        flows.add(&bill("f:b", Status::Active, 4));
        assert_eq!(tonnes(&flows), Some(7.0));
        flows.add(&bill("f:b", Status::Cancelled, 4));
        flows.add(&bill("f:c", Status::Cancelled, 5));
        assert_eq!(tonnes(&flows), Some(3.0));
        flows.add(&Movement::told("f/TH/re_export/US/282580/2025-03", 2));
        assert_eq!(tonnes(&flows), Some(2.0));
    }

    #[test]
    fn a_year_ends_with_the_month_and_hong_kong_is_china() {
        let out = [("2024-03", 50), ("2024-04", 6), ("2025-03", 4)];
        let mut flows = flows(&[("2024-03", 50), ("2024-04", 1)], &out);
        let filled = |flows: &Flows| flows.say(id("SB/TH/US/2025-03")).min_flow;
        assert_eq!(filled(&flows), Some(0.1));
        flows.add(&Movement::told("f/TH/import/HK/282580/2025-02", 3));
        flows.add(&Movement::told("f/TH/import/MO/282580/2025-02", 1));
        assert_eq!(filled(&flows), Some(0.5));
    }

    #[test]
    fn one_account_counts_and_later_versions_replace_earlier_ones() {
        let mut flows = flows(&[], &[("2025-03", 10)]);
        // The exporter tells the same trade; a second feed tells it once more; a year is no month.
        flows.add(&Movement::told("f/TH/export/US/282580/2025-03", 50));
        flows.add(&Movement::told("g/US/import/TH/282580/2025-03", 50));
        flows.add(&Movement::told("f/US/import/TH/282580/2025", 500));
        assert_eq!(Some(flows.tonnes(id("SB/TH/US/2025-03"))), Some(10.0));
        flows.add(&Movement::told("f/US/import/TH/282580/2025-03", 7));
        assert_eq!(Some(flows.tonnes(id("SB/TH/US/2025-03"))), Some(7.0));
        let mut context = Movement::told("f/US/import/TH/811010/2025-03", 50);
        context.standing = Standing::Context;
        flows.add(&context);
        assert_eq!(Some(flows.tonnes(id("SB/TH/US/2025-03"))), Some(7.0));
    }
}
