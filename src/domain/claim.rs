//! What a source claims: a shipment, or a trade flow. The claim is about origin; evidence for and against it comes later.

use std::fmt;
use std::str::FromStr;

use super::{Container, Country, Date, Grams, HsCode, HsVersion, Money, Party, Period, Port, QualitySet, Quantity, Timestamp};

/// A record as decoded, with when it became known and what is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// The record's id inside its feed; of a trade flow `reporter/flow/partner/hs/period`.
    pub id: String,
    /// What is claimed.
    pub record: Record,
    /// When its source made it public. No part of its content.
    pub known_from: Timestamp,
    /// What is wrong with it.
    pub quality: QualitySet,
    /// Whether the mapping says that its feed tells all of its trade.
    pub complete: bool,
}

/// A shipment or a trade flow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Record {
    /// One line of a bill of lading or a declaration.
    Shipment(Box<Shipment>),
    /// A period's total between two countries.
    TradeFlow(Box<TradeFlow>),
}

/// Whether a record holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
pub enum Status {
    /// It holds.
    #[default]
    Active,
    /// It was withdrawn.
    Cancelled,
}

/// One line of a bill of lading or of a declaration, as lodged.
///
/// At least one of `country_of_origin`, `country_of_consignment` and `port_of_lading` is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shipment {
    /// Counts the versions of an id, from 1.
    pub revision: u32,
    /// Whether it holds.
    pub status: Status,
    /// When the goods moved.
    pub event_date: Date,
    /// Seen from the reporter.
    pub flow: FlowKind,
    /// Who took the declaration.
    pub reporter: Option<Country>,
    /// What the goods are said to be.
    pub hs: HsCode,
    /// The edition of `hs`.
    pub hs_version: HsVersion,
    /// In the words of the document.
    pub description: Option<String>,
    /// Marks and numbers on the packages.
    pub marks: Option<String>,
    /// Where they are claimed to be made.
    pub country_of_origin: Option<Country>,
    /// Whence they were dispatched.
    pub country_of_consignment: Option<Country>,
    /// Where they go.
    pub destination: Country,
    /// Where the carrier took them over.
    pub place_of_receipt: Option<Port>,
    /// Where they were loaded on the carrying vessel.
    pub port_of_lading: Option<Port>,
    /// The country of lading where the port is not known but its country is.
    pub country_of_lading: Option<Country>,
    /// Ports between lading and unlading, in order.
    pub transit_ports: Vec<Port>,
    /// Where they were taken off it.
    pub port_of_unlading: Option<Port>,
    /// Without packing.
    pub net_mass: Option<Grams>,
    /// With packing.
    pub gross_mass: Option<Grams>,
    /// In another unit.
    pub quantity: Option<Quantity>,
    /// Declared value.
    pub customs_value: Option<Money>,
    /// What the value includes.
    pub valuation: Option<Valuation>,
    /// The transport document.
    pub bill_of_lading: Option<BillOfLading>,
    /// The boxes.
    pub containers: Vec<Container>,
    /// The parties.
    pub parties: Vec<Party>,
}

/// The number of a transport document: of the carrier (`master`) and of the forwarder (`house`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BillOfLading {
    /// The carrier's.
    pub master: Option<String>,
    /// The forwarder's.
    pub house: Option<String>,
}

/// A period's total between reporter and partner, as statistics offices publish it.
///
/// At least one of `net_mass`, `quantity` and `customs_value` is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TradeFlow {
    /// Whose statistics.
    pub reporter: Country,
    /// The other side; on imports the country of origin.
    pub partner: Country,
    /// On imports the country of consignment, where the source tells it.
    pub consignment_partner: Option<Country>,
    /// Seen from the reporter.
    pub flow: FlowKind,
    /// What it sums up.
    pub period: Period,
    /// The goods.
    pub hs: HsCode,
    /// The edition of `hs`.
    pub hs_version: HsVersion,
    /// Mass of the period.
    pub net_mass: Option<Grams>,
    /// In another unit.
    pub quantity: Option<Quantity>,
    /// Value of the period.
    pub customs_value: Option<Money>,
    /// What the value includes.
    pub valuation: Option<Valuation>,
}

impl Shipment {
    /// What the goods weigh: net, else gross. A mass of zero is none, since goods that moved have one.
    pub fn mass(&self) -> Option<Grams> {
        [self.net_mass, self.gross_mass].into_iter().flatten().find(|mass| mass.0 > 0)
    }
}

impl TradeFlow {
    /// `reporter/flow/partner/hs/period`.
    pub fn id(&self) -> String {
        let mut id = String::with_capacity(48);
        for part in [self.reporter.code(), self.flow.word(), self.partner.code(), self.hs.digits()] {
            id.push_str(part);
            id.push('/');
        }
        self.period.with_text(|period| id.push_str(period));
        id
    }
}

macro_rules! words {
    ($(#[$doc:meta])* $name:ident ($what:literal) { $($(#[$variant_doc:meta])* $variant:ident = $word:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        pub enum $name {
            $($(#[$variant_doc])* $variant,)*
        }

        impl $name {
            /// Every one.
            pub const ALL: &[$name] = &[$($name::$variant,)*];

            /// The word on the outside.
            pub fn word(self) -> &'static str {
                match self {
                    $($name::$variant => $word,)*
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.word())
            }
        }

        impl FromStr for $name {
            type Err = String;

            fn from_str(text: &str) -> Result<$name, String> {
                let found = $name::ALL.iter().copied().find(|value| value.word() == text);
                found.ok_or_else(|| format!("{text:?} is no {} ({})", $what, [$($word),*].join(", ")))
            }
        }
    };
}

words! {
    /// The direction of trade seen from the reporter.
    FlowKind ("flow") {
        /// General imports.
        Import = "import",
        /// Imports for home use alone.
        ImportForConsumption = "import_for_consumption",
        /// All exports; contains the next two.
        Export = "export",
        /// Exports of own goods.
        DomesticExport = "domestic_export",
        /// Exports of foreign goods.
        ReExport = "re_export",
    }
}

impl FlowKind {
    /// Into the reporter.
    pub fn is_import(self) -> bool {
        matches!(self, FlowKind::Import | FlowKind::ImportForConsumption)
    }

    /// 0 for general imports and all exports, which come first; 1 for what is a part of them. The parts of exports add up.
    pub(crate) fn part(self) -> u8 {
        match self {
            FlowKind::Import | FlowKind::Export => 0,
            FlowKind::ImportForConsumption | FlowKind::DomesticExport | FlowKind::ReExport => 1,
        }
    }
}

words! {
    /// What a value includes.
    Valuation ("valuation") {
        /// As customs values it.
        Customs = "customs",
        /// Cost, insurance, freight.
        Cif = "cif",
        /// Free on board.
        Fob = "fob",
    }
}
