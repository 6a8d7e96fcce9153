//! Lays the ledger out for the signals: legs, series, books. Each country's inbound trade is laid out once and shared.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use super::books::{Account, Books, CellRef, Leg, Line, Series};
use super::family::{CorridorMonth, FamilyLedger};
use crate::domain::{CorridorId, Country, Grams, Month, Period};

/// One evaluation's view of a family: what was laid out is kept until the view is dropped.
#[derive(Debug)]
pub struct View<'a> {
    ledger: &'a FamilyLedger,
    inbound: RefCell<BTreeMap<Country, Rc<Inbound>>>,
}

/// What came into one country.
#[derive(Debug)]
struct Inbound {
    china: Rc<Leg>,
    others: Rc<Vec<(Country, Leg)>>,
    /// Those of them that a corridor asked for.
    by_source: RefCell<BTreeMap<Country, Rc<Leg>>>,
}

impl<'a> View<'a> {
    /// A view of the ledger as it stands.
    pub fn new(ledger: &'a FamilyLedger) -> View<'a> {
        View { ledger, inbound: RefCell::default() }
    }

    /// The books of a corridor-month.
    pub fn books(&self, corridor: CorridorMonth) -> Books {
        let (intermediary, destination, month) = corridor;
        let into_intermediary = self.into(intermediary);
        let into_destination = self.into(destination);
        Books {
            corridor: CorridorId { family: self.ledger.family, intermediary, destination, month },
            months: self.ledger.told_months(corridor),
            out: into_destination.from(intermediary),
            first: Rc::clone(&into_intermediary.china),
            direct: Rc::clone(&into_destination.china),
            supply: Rc::clone(&into_intermediary.others),
            sources: Rc::clone(&into_destination.others),
        }
    }

    /// Ids of the records behind a cell, heaviest first, then by id.
    pub fn record_ids(&self, cell: &CellRef) -> Vec<(Option<Grams>, String)> {
        match cell.account {
            Account::Shipments => self.ledger.shipments.ids(cell.from, cell.to, cell.period.last(), cell.hs6),
            _ => self.ledger.flows.ids(cell, &self.ledger.feeds),
        }
    }

    fn into(&self, to: Country) -> Rc<Inbound> {
        if let Some(inbound) = self.inbound.borrow().get(&to) {
            return Rc::clone(inbound);
        }
        let inbound = Rc::new(self.lay_out(to));
        self.inbound.borrow_mut().insert(to, Rc::clone(&inbound));
        inbound
    }

    fn lay_out(&self, to: Country) -> Inbound {
        let ledger = self.ledger;
        let mut sources: Vec<Country> = ledger.flows.sources_of(to).chain(ledger.shipments.sources_of(to)).collect();
        sources.sort();
        sources.dedup();
        let china = CHINA.map(|from| self.leg(from, to)).into_iter().reduce(merge).unwrap_or_default();
        let others: Vec<(Country, Leg)> =
            sources.into_iter().filter(|from| !from.is_china() && *from != to).map(|from| (from, self.leg(from, to))).collect();
        Inbound { china: Rc::new(china), others: Rc::new(others), by_source: RefCell::default() }
    }

    fn leg(&self, from: Country, to: Country) -> Leg {
        let ledger = self.ledger;
        let flows = |account| {
            let (reporter, is_import) = if account == Account::ImporterFlow { (to, true) } else { (from, false) };
            let lines = ledger.flows.lines(account, from, to, &ledger.feeds);
            series(lines, ledger.flows.reported_months(reporter, is_import))
        };
        let sums = ledger.shipments.sums(from, to).map(|(month, hs6, sum)| {
            let grams = u64::try_from(sum.grams).unwrap_or(u64::MAX);
            let mass = (sum.without_mass < sum.count).then_some(Grams(grams));
            let period = Period::month(month);
            let cell = CellRef { account: Account::Shipments, from, to, period, hs6 };
            (period, Line { hs6, mass, value_cents: None, cell })
        });
        Leg {
            importer: flows(Account::ImporterFlow),
            exporter: flows(Account::MirrorFlow),
            shipments: series(sums.collect(), std::iter::empty()),
        }
    }
}

impl Inbound {
    /// The leg from one of the sources.
    fn from(&self, source: Country) -> Rc<Leg> {
        let leg = || self.others.iter().find(|(from, _)| *from == source).map(|(_, leg)| leg.clone()).unwrap_or_default();
        Rc::clone(self.by_source.borrow_mut().entry(source).or_insert_with(|| Rc::new(leg())))
    }
}

/// China as an origin or first leg; its parts report apart and are added, since they are ways of their own.
const CHINA: [Country; 3] = [Country::CHINA, Country::HONG_KONG, Country::MACAO];

fn series(lines: Vec<(Period, Line)>, reported: impl Iterator<Item = Month>) -> Series {
    let mut series = Series { months: reported.map(|month| (month, Vec::new())).collect(), longer: Vec::new() };
    let mut longer: BTreeMap<(Month, Period), Vec<Line>> = BTreeMap::new();
    for (period, line) in lines {
        if period.months() == 1 {
            series.months.entry(period.last()).or_default().push(line);
        } else {
            longer.entry((period.last(), period)).or_default().push(line);
        }
    }
    // Where months and a longer period tell the same trade, the months count.
    let is_told = |period: &Period| {
        series.months.range(period.first()..=period.last()).any(|(_, lines): (_, &Vec<Line>)| !lines.is_empty())
    };
    let untold =
        longer.into_iter().filter(|((_, period), _)| !is_told(period)).map(|((_, period), lines)| (period, lines)).collect();
    series.longer = untold;
    series
}

fn merge(mut left: Leg, right: Leg) -> Leg {
    let add = |into: &mut Series, from: Series| {
        for (month, lines) in from.months {
            into.months.entry(month).or_default().extend(lines);
        }
        into.longer.extend(from.longer);
        into.longer.sort_by_key(|(period, _)| (period.last(), *period));
    };
    add(&mut left.importer, right.importer);
    add(&mut left.exporter, right.exporter);
    add(&mut left.shipments, right.shipments);
    left
}
