//! What the world has published: controls, tariffs, production, codes. `as_of(date)` is the only way to its facts.

use crate::domain::{Country, Currency, Date, FamilyId, HsSubheading, Month};

/// The reference bundle, parsed and checked.
#[derive(Debug, Default)]
pub struct Reference {}

/// The bundle as the world knew it on a date: rows with a later `known_from` do not exist.
#[derive(Clone, Copy, Debug)]
pub struct AsOf<'a> {
    bundle: &'a Reference,
    date: Date,
}

/// What a measure does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum MeasureKind {
    /// Exports to the destination are banned.
    ExportBan,
    /// Exports to the destination need a licence.
    ExportLicence,
    /// A duty on goods of Chinese origin at the destination (tariff, safeguard, anti-dumping, countervailing).
    Duty,
}

/// A measure on Chinese goods of a family bound for a destination.
#[derive(Clone, Debug, PartialEq)]
pub struct Measure {
    /// The reference row, as evidence names it: `controls/CN-2024-46`.
    pub row: String,
    /// What it does.
    pub kind: MeasureKind,
    /// The day it was announced.
    pub announced: Date,
    /// The day it binds from.
    pub effective: Date,
    /// From when until when (exclusive) it is suspended.
    pub suspended: Option<(Date, Option<Date>)>,
    /// The day from which it no longer binds.
    pub ended: Option<Date>,
    /// The subheadings of HS 2022 it names; empty where it covers the whole family.
    pub subheadings: Vec<HsSubheading>,
    /// The named lines may also hold goods outside its list (oxide below 99.99 % beside 33/2024).
    pub partial: bool,
    /// Its date or scope is recalled or of low certainty: it is shown and carries no weight.
    pub weightless: bool,
}

/// A rate of duty on goods of an origin at a destination.
#[derive(Clone, Debug, PartialEq)]
pub struct DutyRate {
    /// The sum of what applies, as a fraction of the value (0.25 = 25 %).
    pub rate: f64,
    /// The rows it rests on.
    pub rows: Vec<String>,
}

/// What is known of a country's own production of a family, in tonnes of contained element a year.
#[derive(Clone, Debug, PartialEq)]
pub enum Production {
    /// A row says how much.
    Listed {
        /// Tonnes a year.
        tonnes: f64,
        /// The row.
        row: String,
    },
    /// A table that lists the world's producers does not list the country: it makes at most what the smallest listed one makes.
    Unlisted {
        /// Tonnes a year of the smallest listed producer.
        at_most: f64,
        /// A row of that table.
        row: String,
    },
    /// No table: unknown.
    Unknown,
}

/// Where the material stands between ore and article.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MaterialStage {
    /// Ores and concentrates.
    Ore,
    /// Precursors, intermediates.
    Intermediate,
    /// Oxides.
    Oxide,
    /// Other compounds.
    Compound,
    /// Metal.
    Metal,
    /// Alloys.
    Alloy,
    /// Waste and scrap.
    Scrap,
    /// Articles.
    Article,
}

/// How much of a family's element a subheading contains, as a fraction of gross mass.
#[derive(Clone, Debug, PartialEq)]
pub struct Content {
    /// At least.
    pub low: f64,
    /// Typically.
    pub mid: f64,
    /// At most.
    pub high: f64,
    /// The stage of the material.
    pub stage: MaterialStage,
    /// Other materials share the subheading.
    pub shared: bool,
    /// The row.
    pub row: String,
}

/// How large the trade of a family is, which sets the thresholds of growth.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FamilyClass {
    /// Traded by the tonne.
    Bulk,
    /// Gallium, germanium, indium, tellurium: traded by the kilogram.
    Minor,
}

impl Reference {
    /// The bundle as of a date.
    pub fn as_of(&self, date: Date) -> AsOf<'_> {
        AsOf { bundle: self, date }
    }
}

impl AsOf<'_> {
    /// The date.
    pub fn date(&self) -> Date {
        self.date
    }

    /// Measures on Chinese goods of the family bound for the destination, by announcement.
    pub fn measures(&self, _family: FamilyId, _destination: Country) -> Vec<Measure> {
        let _ = self.bundle;
        Vec::new()
    }

    /// The duty on goods of an origin at a destination on a day; `None` where the bundle has no table for the destination.
    pub fn duty(&self, _origin: Country, _destination: Country, _code: HsSubheading, _on: Date) -> Option<DutyRate> {
        None
    }

    /// Primary production of the family in the country, for the year nearest to the given one in the newest vintage.
    pub fn production(&self, _family: FamilyId, _country: Country, _year: i16) -> Production {
        Production::Unknown
    }

    /// Secondary production (recycling), likewise; `Unlisted` does not occur.
    pub fn secondary(&self, _family: FamilyId, _country: Country, _year: i16) -> Production {
        Production::Unknown
    }

    /// Documented capacity of the country's plants in tonnes of contained element a year.
    pub fn capacity(&self, _family: FamilyId, _country: Country) -> Option<(f64, String)> {
        None
    }

    /// What the subheading contains of the family's element; `None` where the family does not list it.
    pub fn content(&self, _family: FamilyId, _code: HsSubheading) -> Option<Content> {
        None
    }

    /// The class of the family.
    pub fn class(&self, _family: FamilyId) -> FamilyClass {
        FamilyClass::Bulk
    }

    /// US dollars for one unit of the currency in the month, with the row.
    pub fn dollars(&self, _currency: Currency, _month: Month) -> Option<(crate::domain::Decimal, String)> {
        None
    }
}
