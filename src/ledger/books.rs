//! What the ledger knows about one corridor-month, as the signals read it. Sums only; no formula.

use std::cell::Cell;

use super::ways::{Way, Ways};
use crate::domain::{CorridorId, Country, Date, FlowKind, Grams, HsSubheading, Month, Period, Port, QualitySet};

/// Everything a signal may read about a corridor-month, up to and including its month. It notes what was read: a change of what
/// was not cannot change what the signals say.
#[derive(Clone, Debug)]
pub struct Books<'a> {
    /// Which corridor-month.
    pub corridor: CorridorId,
    /// How the corridor-month itself was told: 1, or the length of the longer period that ends with it.
    pub months: u8,
    ways: &'a Ways,
    read: Cell<Read>,
}

/// Which parts of the books were read beside M → D.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Read {
    /// What comes into M.
    pub supply: bool,
    /// China → D.
    pub direct: bool,
    /// The other countries into D.
    pub sources: bool,
    /// What the month's bills are of.
    pub bills: bool,
}

impl<'a> Books<'a> {
    pub(crate) fn new(corridor: CorridorId, months: u8, ways: &'a Ways) -> Books<'a> {
        Books { corridor, months, ways, read: Cell::default() }
    }

    /// M → D.
    pub fn out(&self) -> Leg<'a> {
        self.ways.leg(self.corridor.intermediary, self.corridor.destination)
    }

    /// What the assessed shipments of the month are of, those of complete feeds aside, by code.
    pub fn bills(&self) -> impl Iterator<Item = Line> + 'a {
        self.note(|read| read.bills = true);
        let CorridorId { intermediary, destination, month, .. } = self.corridor;
        self.ways.bills((intermediary, destination), month)
    }

    /// China → M.
    pub fn first(&self) -> Leg<'a> {
        self.note(|read| read.supply = true);
        self.ways.china_into(self.corridor.intermediary)
    }

    /// Every non-Chinese country → M, by country.
    pub fn supply(&self) -> impl Iterator<Item = (Country, Leg<'a>)> + 'a {
        self.note(|read| read.supply = true);
        self.ways.into(self.corridor.intermediary)
    }

    /// Notes that what comes into M was read by way of something kept.
    pub fn rest_on_supply(&self) {
        self.note(|read| read.supply = true);
    }

    /// One of them.
    pub fn supply_from(&self, country: Country) -> Leg<'a> {
        self.note(|read| read.supply = true);
        self.ways.leg(country, self.corridor.intermediary)
    }

    /// China → D: the direct trade.
    pub fn direct(&self) -> Leg<'a> {
        self.note(|read| read.direct = true);
        self.ways.china_into(self.corridor.destination)
    }

    /// Every non-Chinese country but M → D, by country.
    pub fn sources(&self) -> impl Iterator<Item = (Country, Leg<'a>)> + 'a {
        self.note(|read| read.sources = true);
        let m = self.corridor.intermediary;
        self.ways.into(self.corridor.destination).filter(move |(country, _)| *country != m)
    }

    fn note(&self, part: impl FnOnce(&mut Read)) {
        let mut read = self.read.get();
        part(&mut read);
        self.read.set(read);
    }

    /// What has been read so far.
    pub fn read(&self) -> Read {
        self.read.get()
    }
}

/// Which account of a trade.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
pub enum Account {
    /// The importer's statistics.
    ImporterFlow,
    /// The exporter's statistics.
    MirrorFlow,
    /// Shipments of a complete feed that tells imports.
    ImporterShipments,
    /// Shipments of a complete feed that tells exports.
    ExporterShipments,
}

impl Account {
    /// In the order in which one is chosen.
    pub const ALL: [Account; Account::COUNT] =
        [Account::ImporterFlow, Account::MirrorFlow, Account::ImporterShipments, Account::ExporterShipments];

    /// How many there are.
    pub const COUNT: usize = 4;

    /// Those of the side into which goods go: its statistics, then the shipments that it tells.
    pub const IMPORTER: [Account; 2] = [Account::ImporterFlow, Account::ImporterShipments];

    /// Those of the side from which they come.
    pub const EXPORTER: [Account; 2] = [Account::MirrorFlow, Account::ExporterShipments];

    /// That of the shipments of a feed by what it tells.
    pub fn of_shipments(flow: FlowKind) -> Account {
        if flow.is_import() { Account::ImporterShipments } else { Account::ExporterShipments }
    }

    /// Whose shipments stand for months of which these statistics told nothing.
    pub fn filled_by(self) -> Option<Account> {
        match self {
            Account::ImporterFlow => Some(Account::ImporterShipments),
            Account::MirrorFlow => Some(Account::ExporterShipments),
            Account::ImporterShipments | Account::ExporterShipments => None,
        }
    }

    /// Whether it sums up shipments.
    pub fn is_of_shipments(self) -> bool {
        matches!(self, Account::ImporterShipments | Account::ExporterShipments)
    }

    /// The word on the outside.
    pub fn word(self) -> &'static str {
        match self {
            Account::ImporterFlow => "importer_flow",
            Account::MirrorFlow => "mirror_flow",
            Account::ImporterShipments | Account::ExporterShipments => "shipments",
        }
    }
}

/// One way for goods, or China's three, as up to four accounts tell it. The accounts are never added.
#[derive(Clone, Copy, Debug)]
pub struct Leg<'a> {
    parts: [Option<Part<'a>>; 3],
    feeds: &'a [String],
}

/// One way, among all of them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Part<'a> {
    pub(super) from: Country,
    pub(super) to: Country,
    pub(super) way: Option<&'a Way>,
    pub(super) ways: &'a Ways,
}

impl<'a> Part<'a> {
    /// The months of which a side's statistics told anything.
    fn reported(&self, account: Account, (first, last): (Month, Month)) -> &'a [Month] {
        let months = match account {
            Account::ImporterFlow => self.ways.reported(self.to, true),
            Account::MirrorFlow => self.ways.reported(self.from, false),
            Account::ImporterShipments | Account::ExporterShipments => None,
        };
        months.map(|months| months.within(first, last)).unwrap_or_default()
    }

    /// The lines of a side's shipments in months of which its statistics told nothing, where they ever told of the way or the family.
    fn filled(&self, span: (Month, Month), (side, feeds): (Side, &'a [String])) -> impl Iterator<Item = Line> + 'a {
        let told = self.way.filter(|way| {
            let always = (Month::from_ordinal(0), Month::from_ordinal(i32::MAX));
            way.rows(side.account).is_told() || !self.reported(side.account, always).is_empty()
        });
        let part = *self;
        told.zip(side.account.filled_by()).into_iter().flat_map(move |(way, shipments)| {
            let lines = way.sums(shipments).lines(span, (Side { account: shipments, ..side }, feeds));
            lines.filter(move |line| {
                let month = line.period.last();
                part.reported(side.account, (month, month)).is_empty() && !way.rows(side.account).tells(month)
            })
        })
    }
}

impl<'a> Leg<'a> {
    pub(super) fn new(parts: [Option<Part<'a>>; 3], feeds: &'a [String]) -> Leg<'a> {
        Leg { parts, feeds }
    }

    /// One account of it.
    pub fn by(self, account: Account) -> Series<'a> {
        Series { leg: self, account }
    }

    /// All accounts, in the order in which one is chosen.
    pub fn accounts(self) -> [Series<'a>; Account::COUNT] {
        Account::ALL.map(|account| self.by(account))
    }
}

/// What one account told.
///
/// A month that is absent was not reported; one that is told without lines is an observed zero: the reporter published trade of the
/// family for that month and direction, and none with this partner. Months count before longer periods: those are told none of
/// whose months was.
#[derive(Clone, Copy, Debug)]
pub struct Series<'a> {
    leg: Leg<'a>,
    /// Whose.
    pub account: Account,
}

impl<'a> Series<'a> {
    /// Destination and source, China standing for its three; a leg that nobody told of is from nowhere to nowhere.
    pub(crate) fn way(&self) -> (Country, Country) {
        let [first, ..] = self.leg.parts;
        first.map_or((Country::UNKNOWN, Country::UNKNOWN), |part| (part.to, part.from))
    }

    fn parts(&self) -> impl Iterator<Item = (Side, Part<'a>)> + use<'a> {
        let account = self.account;
        self.leg.parts.into_iter().flatten().map(move |part| (Side { account, from: part.from, to: part.to }, part))
    }

    /// The lines of single months from a first to a last, by source. Months of which statistics told nothing are those of the same
    /// side's shipments, where a feed of them is complete: an office may tell the years back by statistics and today by declarations.
    pub fn lines(&self, first: Month, last: Month, mut each: impl FnMut(Line)) {
        for (side, part) in self.parts() {
            let Some(way) = part.way else { continue };
            match self.account {
                Account::ImporterFlow | Account::MirrorFlow => {
                    let rows = way.rows(self.account);
                    rows.lines((first, last), (side, self.leg.feeds)).for_each(&mut each);
                    part.filled((first, last), (side, self.leg.feeds)).for_each(&mut each);
                }
                Account::ImporterShipments | Account::ExporterShipments => {
                    way.sums(self.account).lines((first, last), (side, self.leg.feeds)).for_each(&mut each);
                }
            }
        }
    }

    /// The lines of quarters, half-years and years, by source, then last month, then code.
    pub fn longer(&self, mut each: impl FnMut(Line)) {
        for (side, part) in self.parts() {
            let Some(way) = part.way else { continue };
            match self.account {
                Account::ImporterFlow | Account::MirrorFlow => {
                    way.rows(self.account).longer((side, self.leg.feeds)).for_each(&mut each);
                }
                Account::ImporterShipments | Account::ExporterShipments => {}
            }
        }
    }

    /// The months from a first to a last of which the reporter told anything; of China's three some may come twice.
    pub fn reported(&self, first: Month, last: Month, mut each: impl FnMut(Month)) {
        for (_, part) in self.parts() {
            part.reported(self.account, (first, last)).iter().copied().for_each(&mut each);
            if self.account == Account::ImporterFlow {
                // They share their importer.
                break;
            }
        }
    }
}

/// Whose account of which way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Side {
    /// Whose account.
    pub account: Account,
    /// From where.
    pub from: Country,
    /// To where.
    pub to: Country,
}

/// The sum of one subheading in one period.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line {
    /// Whose account of which way.
    pub side: Side,
    /// When.
    pub period: Period,
    /// The subheading.
    pub hs6: HsSubheading,
    /// Gross mass; `None` where none of its parts has a mass that may be used.
    pub mass: Option<Grams>,
    /// Value in US cents.
    pub value_cents: Option<u64>,
    /// What its teller declares as re-exports: no goods of its own.
    pub is_re_export: bool,
}

impl Line {
    /// The cell that it is.
    pub fn cell(&self) -> CellRef {
        let (Side { account, from, to }, period, hs6) = (self.side, self.period, self.hs6);
        CellRef { account, from, to, period, hs6 }
    }
}

/// A cell of the ledger, which can name the records it sums up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
pub struct CellRef {
    /// Whose account.
    pub account: Account,
    /// From where.
    pub from: Country,
    /// To where.
    pub to: Country,
    /// When.
    pub period: Period,
    /// What.
    pub hs6: HsSubheading,
}

/// What is kept of a shipment that leaves M for D: all that a record signal may read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordFacts<'a> {
    /// `<feed>:<id>`.
    pub id: &'a str,
    /// When the goods moved.
    pub event_date: Date,
    /// The subheading.
    pub hs6: HsSubheading,
    /// Declared origin.
    pub country_of_origin: Option<Country>,
    /// Whence dispatched.
    pub country_of_consignment: Option<Country>,
    /// M: the origin, else the consignment, else the country of lading.
    pub intermediary: Country,
    /// D.
    pub destination: Country,
    /// Where the carrier took over.
    pub place_of_receipt: Option<Port>,
    /// Where loaded.
    pub port_of_lading: Option<Port>,
    /// The country of lading, of the port or where only the country is known.
    pub country_of_lading: Option<Country>,
    /// Ports between, in order.
    pub transit_ports: &'a [Port],
    /// Mass for the books.
    pub mass: Option<Grams>,
    /// What is wrong with it.
    pub quality: QualitySet,
}

impl<'a> RecordFacts<'a> {
    /// What a record signal may read of a version of a shipment that leaves `intermediary`.
    pub fn of(id: &'a str, version: &'a super::ShipmentVersion, intermediary: Country) -> RecordFacts<'a> {
        let [country_of_origin, country_of_consignment, country_of_lading] = version.route.declared;
        RecordFacts {
            id,
            event_date: version.event_date,
            hs6: version.hs6,
            country_of_origin,
            country_of_consignment,
            intermediary,
            destination: version.route.destination,
            place_of_receipt: version.place_of_receipt,
            port_of_lading: version.port_of_lading,
            country_of_lading,
            transit_ports: version.transit_ports(),
            mass: version.mass(),
            quality: version.quality,
        }
    }
}
