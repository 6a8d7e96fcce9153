//! What simple rules say of a corridor-month from the same records: the baselines that the service has to beat. Sums of mass by month, one
//! account a pair, nothing else remembered. What was not told is unknown, never nothing: a rule whose figures are missing says nothing.

use std::collections::{BTreeMap, BTreeSet};

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

/// The rank of what shipments add up to.
const SHIPMENTS: u8 = 4;

impl Account {
    /// Of two countries the one whose office tells it, and whether it tells what comes in; nobody's, where shipments do.
    fn reporter(&self, (family, from, to): Pair) -> Option<Reporter> {
        match self.0 {
            0 | 1 => Some((family, to, true)),
            2 | 3 => Some((family, from, false)),
            _ => None,
        }
    }
}

/// What goes from one country to another.
type Pair = (FamilyId, Country, Country);
/// Who publishes what of a family, and whether it is what comes in.
type Reporter = (FamilyId, Country, bool);

/// Where a record is counted.
#[derive(Clone, Debug)]
struct Slot {
    pair: Pair,
    account: Account,
    month: Month,
    grams: Option<u64>,
}

/// What records of a month add up to.
#[derive(Clone, Copy, Debug, Default)]
struct Sum {
    grams: u64,
    with_mass: u32,
    without: u32,
}

impl Sum {
    fn add(&mut self, grams: Option<u64>) {
        match grams {
            Some(grams) => (self.grams, self.with_mass) = (self.grams.saturating_add(grams), self.with_mass + 1),
            None => self.without += 1,
        }
    }

    fn take_away(&mut self, grams: Option<u64>) {
        match grams {
            Some(grams) => (self.grams, self.with_mass) = (self.grams.saturating_sub(grams), self.with_mass.saturating_sub(1)),
            None => self.without = self.without.saturating_sub(1),
        }
    }
}

/// What is known of a month.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Told {
    /// So many grams, or nothing: the reporter told trade of the family in that month, and none of this pair.
    Grams(u64),
    /// There was trade, of a mass that nobody told.
    WithoutMass,
    /// No word.
    Nothing,
}

/// Sums by month, as far as they are known.
#[derive(Debug, Default)]
pub struct Flows {
    records: BTreeMap<(FamilyId, String), Slot>,
    sums: BTreeMap<Pair, BTreeMap<Account, BTreeMap<Month, Sum>>>,
    reported: BTreeMap<Reporter, BTreeSet<Month>>,
}

impl Flows {
    /// Takes a movement in. A later version of a record replaces the earlier one; movements come as they became known.
    pub(super) fn add(&mut self, movement: &Movement) {
        if movement.standing != Standing::Home {
            return;
        }
        let (id, slot) = place_of(movement);
        let id = (movement.family, id);
        if let Some(Slot { pair, account, month, grams }) = self.records.remove(&id) {
            self.sums.entry(pair).or_default().entry(account).or_default().entry(month).or_default().take_away(grams);
        }
        let Some((pair, account, month)) = slot else { return };
        if let Some(reporter) = account.reporter(pair) {
            self.reported.entry(reporter).or_default().insert(month);
        }
        // A row of value zero without mass tells that there was nothing.
        let is_nothing = movement.value_cents == Some(0) && account.0 < SHIPMENTS;
        let grams = movement.mass.map(|Grams(grams)| grams).or(is_nothing.then_some(0));
        self.sums.entry(pair).or_default().entry(account.clone()).or_default().entry(month).or_default().add(grams);
        self.records.insert(id, Slot { pair, account, month, grams });
    }

    /// Tonnes M → D of the corridor-month itself, where somebody told them.
    pub fn tonnes(&self, id: CorridorId) -> Option<f64> {
        self.month(&[(id.family, id.intermediary, id.destination)], id.month)
    }

    /// Tonnes M → D and China → M of a corridor, by month.
    pub(super) fn legs(&self, (family, m, d): (FamilyId, Country, Country)) -> (BTreeMap<Month, f64>, BTreeMap<Month, f64>) {
        let leg = |pairs: &[Pair]| {
            let told = pairs.iter().filter_map(|pair| self.account(*pair)).flat_map(|(_, sums)| sums.keys());
            let months: BTreeSet<Month> = told.copied().collect();
            months.into_iter().filter_map(|month| Some((month, self.month(pairs, month)?))).collect()
        };
        (leg(&[(family, m, d)]), leg(&from_china(family, m)))
    }

    /// What the rules say of a corridor-month now.
    pub(super) fn say(&self, id: CorridorId) -> Baselines {
        let (out, into) = ([(id.family, id.intermediary, id.destination)], from_china(id.family, id.intermediary));
        let second = self.growth(&out, id.month);
        let both = self.growth(&into, id.month).zip(second).map(|(first, second)| first.min(second));
        Baselines {
            min_flow: self.filled(&into, &out, id.month),
            growth: second.map(|growth| if growth > DOUBLED { 1.0 } else { 0.0 }),
            both_legs: both.map(|growth| libm::log(growth).max(0.0)),
        }
    }

    /// The part of what left that what came in could fill, over those months of a year of which both are known.
    fn filled(&self, into: &[Pair], out: &[Pair], last: Month) -> Option<f64> {
        let months = (0..WINDOW).map(|back| last.plus(-back));
        let known = months.filter_map(|month| Some((self.month(into, month)?, self.month(out, month)?)));
        let (came, left) = known.fold((0.0, 0.0), |(came, left), (into, out)| (came + into, left + out));
        if left > 0.0 { Some(came.min(left) / left) } else { None }
    }

    /// A season over the same one a year before; absent where a month of either is unknown.
    fn growth(&self, pairs: &[Pair], last: Month) -> Option<f64> {
        let season = |last: Month| (0..SEASON).map(|back| self.month(pairs, last.plus(-back))).sum::<Option<f64>>();
        Some((season(last)? + KAPPA) / (season(last.plus(-12))? + KAPPA))
    }

    /// The tonnes of a month, of the best account of each pair, all pairs together. Unknown where one had trade of unknown mass, or nobody
    /// told of any.
    fn month(&self, pairs: &[Pair], month: Month) -> Option<f64> {
        let mut sum = None;
        for pair in pairs {
            match self.told(*pair, month) {
                Told::Grams(grams) => sum = Some(sum.unwrap_or(0u64).saturating_add(grams)),
                Told::WithoutMass => return None,
                Told::Nothing => {}
            }
        }
        sum.map(|grams| grams as f64 / 1e6)
    }

    fn told(&self, pair: Pair, month: Month) -> Told {
        let Some((account, sums)) = self.account(pair) else { return Told::Nothing };
        let is_reported = || {
            let months = account.reporter(pair).and_then(|reporter| self.reported.get(&reporter));
            months.is_some_and(|months| months.contains(&month))
        };
        match sums.get(&month) {
            // Of many bills a few without mass leave a sum that says something; of statistics each row may be all of it.
            Some(sum) if sum.without == 0 && sum.with_mass > 0 => Told::Grams(sum.grams),
            Some(sum) if account.0 == SHIPMENTS && sum.with_mass > 0 => Told::Grams(sum.grams),
            Some(sum) if sum.without > 0 => Told::WithoutMass,
            _ if is_reported() => Told::Grams(0),
            _ => Told::Nothing,
        }
    }

    /// The best account of a pair.
    fn account(&self, pair: Pair) -> Option<(&Account, &BTreeMap<Month, Sum>)> {
        self.sums.get(&pair)?.iter().find(|(_, sums)| sums.values().any(|sum| sum.with_mass + sum.without > 0))
    }
}

/// The name of a record, and where it is counted: a record that holds, of a single month.
fn place_of(movement: &Movement) -> (String, Option<(Pair, Account, Month)>) {
    match &movement.body {
        MovementBody::Shipment(facts) => {
            let m = facts.route().intermediary().filter(|_| facts.status == Status::Active);
            let account = Account(SHIPMENTS, movement.feed.clone());
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
    }
}

/// What goes from China to M, its customs territories together.
fn from_china(family: FamilyId, m: Country) -> Vec<Pair> {
    [*b"CN", *b"HK", *b"MO"].into_iter().filter_map(Country::of).map(|china| (family, china, m)).collect()
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
        let months = ["2024-01", "2024-02", "2024-03", "2025-01", "2025-02", "2025-03"];
        let of = |tonnes: [u64; 6]| months.into_iter().zip(tonnes).collect::<Vec<_>>();
        let said = flows(&of([9, 0, 0, 0, 0, 1]), &of([1, 0, 0, 0, 0, 3])).say(id("SB/TH/US/2025-03"));
        assert_eq!((said.growth, said.both_legs), (Some(0.0), Some(0.0)));
    }

    #[test]
    fn a_month_of_unknown_mass_is_no_month_without_trade() {
        let months = ["2024-01", "2024-02", "2024-03", "2025-01", "2025-02", "2025-03"];
        let told = months.map(|month| (month, if month < "2025" { 4 } else { 9 }));
        let (all, at) = (flows(&told, &told), id("SB/TH/US/2025-03"));
        assert_eq!(all.say(at), Baselines { min_flow: Some(1.0), growth: Some(1.0), both_legs: Some(libm::log(28.0 / 13.0)) });
        // The importer tells that there was trade in February a year before, and not how much: growth is unknown, not larger.
        let massless = |id: &str| Movement { mass: None, ..Movement::told(id, 0) };
        let mut less = flows(&told, &told);
        less.add(&massless("f/US/import/TH/282580/2024-02"));
        assert_eq!(less.say(at), Baselines { min_flow: Some(1.0), growth: None, both_legs: None });
        // Of a month in which one leg is unknown neither counts.
        let mut less = flows(&told, &told);
        less.add(&massless("f/CN/export/TH/282580/2025-02"));
        assert_eq!(less.say(at), Baselines { min_flow: Some(1.0), growth: Some(1.0), both_legs: None });
        assert_eq!((less.legs((at.family, at.intermediary, at.destination)).1.len(), less.tonnes(at)), (5, Some(9.0)));
        // Worth nothing, it was nothing.
        less.add(&Movement { value_cents: Some(0), ..massless("f/US/import/TH/282580/2025-03") });
        assert_eq!(less.tonnes(at), Some(0.0));
    }

    #[test]
    fn who_tells_of_others_and_not_of_a_pair_tells_that_there_was_nothing() {
        let mut told = flows(&[], &[("2025-01", 9), ("2025-02", 9), ("2025-03", 9), ("2024-02", 4)]);
        let growth = |flows: &Flows| flows.say(id("SB/TH/US/2025-03")).growth;
        assert_eq!(growth(&told), None, "nobody told of two months a year before");
        told.add(&Movement::told("f/US/import/VN/282580/2024-01", 1));
        told.add(&Movement::told("f/US/import/VN/282580/2024-03", 1));
        assert_eq!(growth(&told), Some(1.0));
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
        let facts = ShipmentFacts { status, ..ShipmentFacts::told(id, "2025-03-05") };
        Movement { body: MovementBody::Shipment(facts), ..Movement::told("f/US/import/TH/282580/2025-03", tonnes) }
    }

    #[test]
    fn bills_that_hold_count_where_nobody_tells_sums() {
        let mut flows = Flows::default();
        let id = id("SB/TH/US/2025-03");
        let tonnes = |flows: &Flows| flows.tonnes(id);
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
        let out = [("2024-03", 50), ("2024-04", 6), ("2025-02", 4)];
        let mut flows = flows(&[("2024-03", 50), ("2024-04", 1), ("2025-02", 0)], &out);
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
        assert_eq!(flows.tonnes(id("SB/TH/US/2025-03")), Some(10.0));
        flows.add(&Movement::told("f/US/import/TH/282580/2025-03", 7));
        assert_eq!(flows.tonnes(id("SB/TH/US/2025-03")), Some(7.0));
        let mut context = Movement::told("f/US/import/TH/811010/2025-03", 50);
        context.standing = Standing::Context;
        flows.add(&context);
        assert_eq!(flows.tonnes(id("SB/TH/US/2025-03")), Some(7.0));
    }
}
