//! What the ledger knows about one corridor-month, laid out for the signals. Sums only; no formula.

use std::collections::BTreeMap;
use std::rc::Rc;

use crate::domain::{CorridorId, Country, Date, Grams, HsSubheading, Month, Period, Port, QualitySet};

/// Everything a signal may read about a corridor-month, up to and including its month.
#[derive(Clone, Debug)]
pub struct Books {
    /// Which corridor-month.
    pub corridor: CorridorId,
    /// How the corridor-month itself was told: 1, or the length of the longer period that ends with it.
    pub months: u8,
    /// M → D.
    pub out: Rc<Leg>,
    /// China → M.
    pub first: Rc<Leg>,
    /// China → D: the direct trade.
    pub direct: Rc<Leg>,
    /// Every non-Chinese country → M, by country.
    pub supply: Rc<Vec<(Country, Leg)>>,
    /// Every non-Chinese country → D, by country, M among them.
    pub sources: Rc<Vec<(Country, Leg)>>,
}

/// One way for goods, as up to three accounts tell it. The accounts are never added.
#[derive(Clone, Debug, Default)]
pub struct Leg {
    /// The importing country's statistics.
    pub importer: Series,
    /// The exporting country's statistics (the mirror flow).
    pub exporter: Series,
    /// Shipments of feeds that tell all of their trade.
    pub shipments: Series,
}

/// Which account of a trade.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Account {
    /// The importer's statistics.
    ImporterFlow,
    /// The exporter's statistics.
    MirrorFlow,
    /// Shipments of a complete feed.
    Shipments,
}

impl Account {
    /// The word on the outside.
    pub fn word(self) -> &'static str {
        match self {
            Account::ImporterFlow => "importer_flow",
            Account::MirrorFlow => "mirror_flow",
            Account::Shipments => "shipments",
        }
    }
}

/// What one account told, by month.
///
/// A month that is absent was not reported; one that is there without lines is an observed zero: the reporter published trade of the
/// family for that month and direction, and none with this partner. Months count before longer periods: `longer` holds those periods
/// none of whose months was told.
#[derive(Clone, Debug, Default)]
pub struct Series {
    /// By month.
    pub months: BTreeMap<Month, Vec<Line>>,
    /// Quarters, half-years and years, by last month.
    pub longer: Vec<(Period, Vec<Line>)>,
}

/// The sum of one subheading in one month.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line {
    /// The subheading.
    pub hs6: HsSubheading,
    /// Gross mass; `None` where none of its parts has a mass that may be used.
    pub mass: Option<Grams>,
    /// Value in US cents.
    pub value_cents: Option<u64>,
    /// What it sums up.
    pub cell: CellRef,
}

/// A cell of the ledger, which can name the records it sums up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
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
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordFacts {
    /// `<feed>:<id>`.
    pub id: String,
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
    pub transit_ports: Vec<Port>,
    /// Mass for the books.
    pub mass: Option<Grams>,
    /// What is wrong with it.
    pub quality: QualitySet,
}

impl RecordFacts {
    /// What a record signal may read of a version of a shipment that leaves `intermediary`.
    pub fn of(version: &super::ShipmentVersion, intermediary: Country) -> RecordFacts {
        let facts = &version.facts;
        RecordFacts {
            id: facts.id.clone(),
            event_date: facts.event_date,
            hs6: version.hs6,
            country_of_origin: facts.country_of_origin,
            country_of_consignment: facts.country_of_consignment,
            intermediary,
            destination: facts.destination,
            place_of_receipt: facts.place_of_receipt,
            port_of_lading: facts.port_of_lading,
            country_of_lading: facts.country_of_lading,
            transit_ports: facts.transit_ports.clone(),
            mass: version.mass,
            quality: version.quality,
        }
    }
}
