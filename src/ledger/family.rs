//! What one family remembers: its clock, flows, shipments, corridors, and what is dirty. Keeps and adds up; judges nothing.

use std::fmt;

use super::books::{Account, Books, CellRef, Read};
use super::corridors::Corridors;
use super::dirty::{Dirty, Touched};
use super::flows::{FlowVersion, Folded};
use super::shipments::{ShipmentKey, Shipments};
use super::ways::Ways;
use crate::domain::{
    CorridorId, Country, Date, Degrade, FamilyId, FlowFacts, Grams, Month, Movement, MovementBody, ShipmentFacts, Standing,
    Status,
};

/// Intermediary, destination, month: a corridor-month inside its family.
pub type CorridorMonth = (Country, Country, Month);

/// All that a family remembers of movements.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
pub struct FamilyLedger {
    /// Which family.
    pub family: FamilyId,
    /// The highest `known_from` among its movements and ticks.
    #[serde(with = "crate::domain::kept::date")]
    pub clock: Option<Date>,
    ways: Ways,
    shipments: Shipments,
    corridors: Corridors,
    dirty: Dirty,
}

/// What became of a movement, for the balance of the books.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// A shipment M → D, to be evaluated.
    Assessed,
    /// Adds evidence only.
    Context,
    /// Same id and content.
    Duplicate,
    /// Older than the version held.
    Superseded,
    /// Withdraws a shipment that stood here.
    Cancelled,
}

impl Outcome {
    /// The word in the books.
    pub fn word(self) -> &'static str {
        match self {
            Outcome::Assessed => "assessed",
            Outcome::Context => "context",
            Outcome::Duplicate => "duplicate",
            Outcome::Superseded => "superseded",
            Outcome::Cancelled => "cancelled",
        }
    }
}

/// A record's id on the outside, written only where it is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RecordId<'a> {
    /// `<feed>:<id>` of a shipment.
    Shipment(&'a str),
    /// The feed and the facts of a flow.
    Flow(&'a str, FlowFacts),
}

impl fmt::Display for RecordId<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RecordId::Shipment(id) => f.write_str(id),
            RecordId::Flow(feed, facts) => {
                f.write_str(feed)?;
                f.write_str(":")?;
                f.write_str(&facts.id())
            }
        }
    }
}

impl FamilyLedger {
    /// An empty ledger.
    pub fn new(family: FamilyId) -> FamilyLedger {
        FamilyLedger {
            family,
            clock: None,
            ways: Ways::default(),
            shipments: Shipments::default(),
            corridors: Corridors::default(),
            dirty: Dirty::default(),
        }
    }

    /// Remembers a movement, once however often it comes. A shipment that is to be evaluated at once is named.
    pub fn remember(&mut self, movement: &Movement) -> (Outcome, Option<ShipmentKey>) {
        match &movement.body {
            MovementBody::TradeFlow(facts) => (self.remember_flow(facts, movement), None),
            MovementBody::Shipment(facts) => {
                let is_assessed = movement.standing == Standing::Home && facts.route().leaves_intermediary();
                self.remember_shipment((movement, facts), is_assessed)
            }
        }
    }

    fn remember_flow(&mut self, facts: &FlowFacts, movement: &Movement) -> Outcome {
        let version = FlowVersion {
            known_from: movement.known_from.as_microsecond(),
            content: movement.content,
            mass: movement.mass,
            value_cents: movement.value_cents,
        };
        let is_whole = !movement.quality.contains(Degrade::IncompleteAnswer);
        let change = self.ways.fold((facts, is_whole), (movement.hs6, movement.feed.as_str()), version);
        // A duplicate may be the first that did not come in an answer that was cut off.
        if let Some(since) = change.first_report {
            self.dirty.first_report(facts.reporter, facts.flow.is_import(), since);
        }
        if change.folded == Folded::Duplicate {
            return Outcome::Duplicate;
        }
        let way = facts.way();
        let last = facts.period.last();
        if movement.standing == Standing::Home && change.is_trade {
            self.corridors.open((way.0, way.1, last), facts.period.months());
            if self.corridors.exists((way.0, way.1, last)) {
                self.dirty.corridors.insert((way.0, way.1, last));
            }
        }
        let account = if facts.flow.is_import() { Account::ImporterFlow } else { Account::MirrorFlow };
        if movement.standing == Standing::Home {
            self.corridors.grow((way.0, way.1, last), account, (movement.mass, movement.value_cents));
        }
        if change.folded == Folded::Superseded {
            return Outcome::Superseded;
        }
        self.dirty.touch(way, account, since(change.opened, facts.period.first()));
        Outcome::Context
    }

    fn remember_shipment(
        &mut self,
        (movement, facts): (&Movement, &ShipmentFacts),
        is_assessed: bool,
    ) -> (Outcome, Option<ShipmentKey>) {
        let (route, month) = (facts.route(), Month::of(facts.event_date));
        let way = route.intermediary().map(|from| (from, route.destination));
        // What withdraws a shipment is no trade by itself.
        let tells = movement.complete && facts.status == Status::Active;
        let opened = tells && way.is_some_and(|(from, to)| self.ways.open(from, to));
        let change = self.shipments.fold(movement, facts, &mut self.ways);
        let evaluate = (change.is_other && (is_assessed || change.was_known)).then_some(change.key);
        let outcome = match change.folded {
            Folded::Duplicate => Outcome::Duplicate,
            Folded::Superseded => Outcome::Superseded,
            Folded::Held if facts.status == Status::Cancelled && change.was_at_home => Outcome::Cancelled,
            Folded::Held if facts.status == Status::Cancelled => Outcome::Context,
            Folded::Held if is_assessed => Outcome::Assessed,
            Folded::Held => Outcome::Context,
        };
        // It stands where it stood: nothing that a corridor reads has changed.
        if outcome == Outcome::Duplicate {
            return (outcome, evaluate);
        }
        let is_trade = is_assessed && facts.status == Status::Active;
        if is_assessed && let Some((from, to)) = way {
            let corridor = (from, to, month);
            let is_news = is_trade && self.corridors.open(corridor, 1);
            // Sums hold the shipments of complete feeds alone; whether a heading's trade is large enough also counts the others.
            let counts = movement.complete || self.family.is_heading();
            if is_news || (counts && self.corridors.exists(corridor)) {
                self.dirty.corridors.insert(corridor);
            }
        }
        if let Some(way) = way.filter(|_| movement.complete) {
            self.dirty.touch(way, Account::of_shipments(facts.flow), since(opened, month));
        }
        if let Some((from, to, month)) = change.left.filter(|_| change.was_told || self.family.is_heading()) {
            for account in [Account::ImporterShipments, Account::ExporterShipments] {
                self.dirty.touch((from, to), account, month);
            }
        }
        let ways = [way.map(|(from, to)| (from, to, month)), change.left];
        self.dirty.corridors.extend(ways.into_iter().flatten().filter(|corridor| self.corridors.read(*corridor).bills));
        if let Some((from, to)) = way.filter(|_| is_trade) {
            self.corridors.grow((from, to, month), Account::of_shipments(facts.flow), (movement.mass, movement.value_cents));
        }
        (outcome, evaluate)
    }

    /// The books of a corridor-month.
    pub fn books(&self, corridor: CorridorMonth) -> Books<'_> {
        let (intermediary, destination, month) = corridor;
        let id = CorridorId { family: self.family, intermediary, destination, month };
        Books::new(id, self.corridors.told_months(corridor), &self.ways)
    }

    /// The records behind a cell, with their mass.
    pub fn records<'a>(&'a self, cell: &CellRef, mut each: impl FnMut(Option<Grams>, RecordId<'a>)) {
        match cell.account {
            Account::ImporterShipments | Account::ExporterShipments => {
                let behind = self.shipments.behind(cell, &self.ways);
                behind.for_each(|shipment| each(shipment.mass(), RecordId::Shipment(&shipment.id)));
            }
            _ => self.ways.records(cell, |mass, feed, facts| each(mass, RecordId::Flow(feed, facts))),
        }
    }

    /// Grams and US cents that each account told of a corridor-month, in all versions.
    pub fn sizes(&self, corridor: CorridorMonth) -> [(u64, u64); Account::COUNT] {
        self.corridors.sizes(corridor)
    }

    /// Nothing was touched since the last evaluation.
    pub fn is_clean(&self) -> bool {
        self.dirty == Dirty::default()
    }

    /// Makes the corridor-months dirty that are chosen: what the world knows of them has changed.
    pub fn touch(&mut self, chosen: impl Fn(CorridorMonth) -> bool) {
        self.dirty.corridors.extend(self.corridors.all().filter(|corridor| chosen(*corridor)));
    }

    /// Takes what was touched; nothing is dirty afterwards.
    pub fn take_dirty(&mut self) -> Touched {
        std::mem::take(&mut self.dirty).resolve(&self.ways, &self.corridors)
    }

    /// Notes what of its books a corridor-month was evaluated from.
    pub fn note_read(&mut self, corridor: CorridorMonth, read: Read) {
        self.corridors.note_read(corridor, read);
    }

    /// Makes again what follows from the rest and is not kept in a snapshot.
    pub(crate) fn complete(&mut self) {
        self.corridors.complete();
        self.shipments.complete();
    }

    /// The shipments, to read and to note what was published of them.
    pub fn shipments(&self) -> &Shipments {
        &self.shipments
    }

    /// As above.
    pub fn shipments_mut(&mut self) -> &mut Shipments {
        &mut self.shipments
    }

    /// Bytes of state.
    pub fn bytes(&self) -> u64 {
        self.ways.bytes() + self.shipments.bytes() + self.corridors.bytes()
    }
}

/// From which month on a change matters: with a new way, from the first.
fn since(opened: bool, month: Month) -> Month {
    if opened { Month::from_ordinal(0) } else { month }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A bill of a feed that tells all of its trade.
    fn bill(content: u64) -> Movement {
        let body = MovementBody::Shipment(ShipmentFacts::told("ams:1", "2025-02-03"));
        Movement { content, complete: true, body, ..Movement::told("ams/US/import/TH/282580/2025-02", 20) }
    }

    #[test]
    fn what_is_told_again_touches_nothing() {
        let flow = |content| Movement { content, ..Movement::told("f/US/import/TH/282580/2025-02", 20) };
        for told in [bill as fn(u64) -> Movement, flow] {
            let mut ledger = FamilyLedger::new("SB".parse().unwrap());
            for (content, outcome) in [(1, None), (1, Some(Outcome::Duplicate)), (2, None)] {
                let (folded, _) = ledger.remember(&told(content));
                assert!(outcome.is_none_or(|outcome| outcome == folded), "{folded:?}");
                assert_eq!(ledger.take_dirty() == Touched::default(), outcome.is_some(), "{folded:?}");
            }
        }
    }
}
