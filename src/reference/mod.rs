//! What the world has published: controls, tariffs, production, codes. `as_of(date)` is the only way to its facts.

mod codes;
mod controls;
mod correlation;
mod duties;
mod families;
mod files;
mod production;
mod statistics;
mod table;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, OnceLock};

use crate::domain::{Country, Currency, Date, Decimal, FamilyId, HsSubheading, HsVersion, Month};

pub use codes::{CodeSystem, Codes, CountryCode, MembersOfEu, PortSystem, UnknownCodeSystem};
pub use correlation::HsConversion;
pub use families::Families;
pub use table::{Problem, known_days};

/// The reference bundle, parsed and checked.
#[derive(Debug, Default)]
pub struct Reference {
    families: Families,
    controls: controls::Controls,
    duties: duties::Duties,
    producers: production::Producers,
    codes: Codes,
    correlation: correlation::Correlation,
    statistics: statistics::Statistics,
    fingerprint: String,
    family_map_fingerprint: String,
    published: BTreeMap<&'static str, Date>,
}

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

impl Measure {
    /// Whether a line is among those that it names.
    pub fn names(&self, code: HsSubheading) -> bool {
        self.subheadings.is_empty() || self.subheadings.contains(&code)
    }
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

impl Production {
    /// The row behind it.
    pub fn row(&self) -> Option<&str> {
        match self {
            Production::Listed { row, .. } | Production::Unlisted { row, .. } => Some(row),
            Production::Unknown => None,
        }
    }
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
    /// Reads a bundle from its files, name and content.
    ///
    /// # Errors
    /// Everything that is wrong with it, by file, row and column.
    pub fn parse(files: &BTreeMap<String, String>) -> Result<Reference, Vec<Problem>> {
        let mut problems = table::Problems::default();
        for file in files.keys().filter(|name| name.ends_with(".csv") && !Reference::file_names().any(|known| known == *name)) {
            let nearest = Reference::file_names().min_by_key(|known| strsim::levenshtein(known, file)).unwrap_or_default();
            problems.table(file, format!("is no table of the bundle (the nearest name is {nearest})"));
        }
        let codes = codes::read(files, &mut problems);
        let classes = families::known(files, &mut problems);
        let known = classes.keys().copied().collect();
        let mut families = families::read(files, classes, &mut problems);
        let (controls, controls_newest) = controls::read(files, &known, (&families, codes.members_of_eu()), &mut problems);
        let (duties, duties_newest) = duties::read(files, Arc::clone(codes.members_of_eu()), &mut problems);
        let (producers, [production_newest, capacity_newest]) = production::read(files, &known, &mut problems);
        let correlation = correlation::read(files, &mut problems);
        families.divide(correlation.divided());
        let (statistics, [rates_newest, hubs_newest]) = statistics::read(files, &mut problems);
        if !problems.0.is_empty() {
            problems.0.sort();
            return Err(problems.0);
        }
        let newest = [
            ("capacity", capacity_newest),
            ("controls", controls_newest),
            ("duties", duties_newest),
            ("exchange_rates", rates_newest),
            ("hubs", hubs_newest),
            ("production", production_newest),
        ];
        let published = newest.into_iter().filter_map(|(table, date)| date.map(|date| (table, date))).collect();
        let tables = Reference::file_names().filter_map(|name| files.get(name).map(|content| (name, content.as_str())));
        let fingerprint = hashed(tables);
        let family_map_fingerprint = hashed([("families", families.map().as_str())].into_iter());
        Ok(Reference {
            families,
            controls,
            duties,
            producers,
            codes,
            correlation,
            statistics,
            fingerprint,
            family_map_fingerprint,
            published,
        })
    }

    /// The bundle that comes with the program.
    pub fn built_in() -> &'static Arc<Reference> {
        static BUILT_IN: OnceLock<Arc<Reference>> = OnceLock::new();
        let parse = || Reference::parse(&Reference::built_in_files()).expect("the tables compiled in keep the rules");
        BUILT_IN.get_or_init(|| Arc::new(parse()))
    }

    /// The files of the bundle that comes with the program, to be changed and parsed.
    pub fn built_in_files() -> BTreeMap<String, String> {
        files::TABLES.iter().map(|(name, content)| ((*name).to_owned(), (*content).to_owned())).collect()
    }

    /// The names of the files of a bundle, ascending.
    pub fn file_names() -> impl Iterator<Item = &'static str> {
        files::TABLES.iter().map(|(name, _)| *name)
    }

    /// `sha256:` and the hash of all tables: what a verdict names as its bundle.
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// `sha256:` and the hash of what decides a code's family: a log belongs to one such map.
    pub fn family_map_fingerprint(&self) -> &str {
        &self.family_map_fingerprint
    }

    /// The newest `known_from` of each table that has one.
    pub fn published(&self) -> BTreeMap<&'static str, Date> {
        self.published.clone()
    }

    /// The bundle as of a date.
    pub fn as_of(&self, date: Date) -> AsOf<'_> {
        AsOf { bundle: self, date }
    }

    /// Which family a code belongs to.
    pub fn families(&self) -> &Families {
        &self.families
    }

    /// The code systems of countries and ports.
    pub fn codes(&self) -> &Codes {
        &self.codes
    }

    /// What the bundle calls a measure, by its row (`controls/CN-2024-46`).
    pub fn title(&self, measure: &str) -> Option<&str> {
        self.controls.title(measure)
    }

    /// What became of a subheading of an older edition; a code that the tables do not know counts as unchanged.
    pub fn to_hs2022(&self, hs6: HsSubheading, version: HsVersion) -> HsConversion {
        self.correlation.to_hs2022(hs6, version)
    }

    /// The dates after `after`, up to and with `until`, on which what `as_of` says about the family may change, ascending.
    pub fn changes(&self, family: FamilyId, after: Date, until: Date) -> Vec<Date> {
        let mut dates: BTreeSet<Date> = self.controls.dates(family);
        dates.extend(self.duties.dates(&self.families, family));
        dates.extend(self.producers.dates(family));
        dates.extend(self.statistics.dates());
        dates.into_iter().filter(|date| after < *date && *date <= until).collect()
    }
}

fn hashed<'a>(texts: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    use sha2::Digest;
    let mut hash = sha2::Sha256::new();
    for (name, text) in texts {
        // Lengths keep the end of one text from passing for the beginning of the next.
        hash.update(format!("{name} {}\n", text.len()));
        hash.update(text);
    }
    let hex: String = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{hex}")
}

impl AsOf<'_> {
    /// Code systems and names, which are no matter of dates.
    pub fn codes(&self) -> &Codes {
        self.bundle.codes()
    }

    /// The date.
    pub fn date(&self) -> Date {
        self.date
    }

    /// Measures on Chinese goods of the family bound for the destination, by announcement.
    ///
    /// A control that covers some subheadings whole and others in part gives two measures with one row.
    pub fn measures(&self, family: FamilyId, destination: Country) -> Vec<Measure> {
        self.bundle.controls.measures(&self.bundle.families, family, (destination, self.date))
    }

    /// The duty on goods of an origin at a destination on a day, at the latest the date itself.
    ///
    /// `None` where the bundle has no table for the destination, or none for the origin while general rates differ by origin.
    pub fn duty(&self, origin: Country, destination: Country, code: HsSubheading, on: Date) -> Option<DutyRate> {
        self.bundle.duties.duty(duties::Dutiable { origin, destination, code }, on, self.date)
    }

    /// The rows of duty that are only shown: recalled, or of low certainty. They are no part of [`AsOf::duty`].
    pub fn duties_without_weight(&self, origin: Country, destination: Country, code: HsSubheading, on: Date) -> Vec<String> {
        self.bundle.duties.weightless(duties::Dutiable { origin, destination, code }, on, self.date)
    }

    /// Primary production of the family in the country, for the year nearest to the given one in the newest vintage.
    pub fn production(&self, family: FamilyId, country: Country, year: i16) -> Production {
        self.bundle.producers.primary(family, (country, year), self.date)
    }

    /// Secondary production (recycling), likewise; `Unlisted` does not occur.
    pub fn secondary(&self, family: FamilyId, country: Country, year: i16) -> Production {
        self.bundle.producers.secondary(family, (country, year), self.date)
    }

    /// Documented capacity of the country's plants in tonnes of contained element a year.
    pub fn capacity(&self, family: FamilyId, country: Country) -> Option<(f64, String)> {
        self.bundle.producers.capacity(family, country, self.date)
    }

    /// Every date on which what is said about the family may change, ascending, later ones too: that something may change on a day
    /// says nothing about it.
    pub fn changes(&self, family: FamilyId) -> Vec<Date> {
        self.bundle.changes(family, Date::MIN, Date::MAX)
    }

    /// What the subheadings of the family contain of its element, by code; those that the family does not list by mass are absent.
    ///
    /// Of a shared code this is what the family's own goods contain: what else is under the code contains nothing of it.
    pub fn contents(&self, family: FamilyId) -> impl Iterator<Item = (HsSubheading, &Content)> {
        self.bundle.families.contents(family)
    }

    /// What a code of an older edition became whose goods all stayed in one family; empty for any other code.
    pub fn successors(&self, code: HsSubheading) -> &[HsSubheading] {
        self.bundle.families.successors(code)
    }

    /// The class of the family.
    pub fn class(&self, family: FamilyId) -> FamilyClass {
        self.bundle.families.class(family)
    }

    /// US dollars for one unit of the currency in the month, with the row; until the month's rate is known, that of the
    /// month before, or of the one before that.
    pub fn dollars(&self, currency: Currency, month: Month) -> Option<(Decimal, String)> {
        self.bundle.statistics.dollars(currency, month, self.date).map(|(rate, row)| (rate, row.to_owned()))
    }

    /// The same rate without the row that tells it.
    pub fn rate(&self, currency: Currency, month: Month) -> Option<Decimal> {
        self.bundle.statistics.dollars(currency, month, self.date).map(|(rate, _)| rate)
    }

    /// What a kilogram of goods under the subheading is worth in US dollars, at least and at most, with the row.
    pub fn unit_value_band(&self, code: HsSubheading) -> Option<(f64, f64, String)> {
        self.bundle.statistics.unit_value_band(code).cloned()
    }

    /// The same band without the row that tells it.
    pub fn unit_values(&self, code: HsSubheading) -> Option<(f64, f64)> {
        self.bundle.statistics.unit_value_band(code).map(|(low, high, _)| (*low, *high))
    }

    /// The share of re-exports in the country's exports, with the row; `None` where no figure that was read is known.
    pub fn reexport_share(&self, country: Country) -> Option<(f64, String)> {
        self.bundle.statistics.reexport_share(country, self.date)
    }

    /// Days after the end of a month until the reporter's statistics of it are public.
    pub fn lag_days(&self, reporter: Country) -> Option<u16> {
        self.bundle.statistics.lag_days(reporter)
    }
}
