//! Who makes how much of a family's element, by the vintage of the table that says so.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::{Country, Date, FamilyId};

use super::Production;
use super::table::{KnownFamilies, Problems, Row, rows};

/// Production and capacity by family.
#[derive(Debug, Default)]
pub(super) struct Producers {
    /// By family, then by what the table counts (`mine`, `ferrosilicon`), its vintages.
    tables: BTreeMap<FamilyId, BTreeMap<String, Vec<Vintage>>>,
    capacities: BTreeMap<(FamilyId, Country), Vec<Capacity>>,
}

/// From when it was known, tonnes a year, the row.
type Capacity = (Date, f64, String);

/// One edition of one table.
#[derive(Debug)]
struct Vintage {
    id: String,
    kind: Kind,
    known_from: Date,
    lists_world: bool,
    /// By country, year and tonnes; `None` where the table lists the country without a figure.
    countries: BTreeMap<Country, Vec<(i16, Option<f64>, String)>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Mine,
    Refinery,
    Smelter,
    Secondary,
}

/// What one table says of a country.
enum Listing {
    Tonnes(f64, String),
    WithoutFigure,
    AtMost(f64, String),
    Silent,
}

impl Producers {
    /// Tables of one kind are added (ferrosilicon and silicon metal); of several kinds the largest counts, since a country
    /// refines what it mines.
    pub(super) fn primary(&self, family: FamilyId, (country, year): (Country, i16), date: Date) -> Production {
        let mut sums: BTreeMap<Kind, (f64, f64, String)> = BTreeMap::new();
        let mut without_figure = false;
        let mut bound: Option<(f64, String)> = None;
        for vintage in self.newest(family, date).filter(|vintage| vintage.kind != Kind::Secondary) {
            match vintage.listing(country, year) {
                Listing::Tonnes(tonnes, row) => {
                    let (sum, largest, name) = sums.entry(vintage.kind).or_insert((0.0, -1.0, String::new()));
                    *sum += tonnes;
                    if tonnes > *largest {
                        (*largest, *name) = (tonnes, row);
                    }
                }
                Listing::WithoutFigure => without_figure = true,
                // A table lists its members, and that it does not list the whole says nothing of them.
                Listing::AtMost(..) if country == Country::EU => without_figure = true,
                Listing::AtMost(tonnes, row) if bound.as_ref().is_none_or(|(most, _)| tonnes > *most) => {
                    bound = Some((tonnes, row));
                }
                Listing::AtMost(..) | Listing::Silent => {}
            }
        }
        let largest = sums.into_values().max_by(|a, b| a.0.total_cmp(&b.0));
        match (largest, without_figure, bound) {
            (Some((tonnes, _, row)), _, _) if tonnes > 0.0 => Production::Listed { tonnes, row },
            (_, true, _) => Production::Unknown,
            (_, _, Some((at_most, row))) => Production::Unlisted { at_most, row },
            (Some((tonnes, _, row)), _, None) => Production::Listed { tonnes, row },
            (None, _, None) => Production::Unknown,
        }
    }

    pub(super) fn secondary(&self, family: FamilyId, (country, year): (Country, i16), date: Date) -> Production {
        for vintage in self.newest(family, date).filter(|vintage| vintage.kind == Kind::Secondary) {
            if let Listing::Tonnes(tonnes, row) = vintage.listing(country, year) {
                return Production::Listed { tonnes, row };
            }
        }
        Production::Unknown
    }

    pub(super) fn capacity(&self, family: FamilyId, country: Country, date: Date) -> Option<(f64, String)> {
        let known = self.capacities.get(&(family, country))?.iter().filter(|(known_from, ..)| *known_from <= date);
        known.max_by(|a, b| (a.0, &a.2).cmp(&(b.0, &b.2))).map(|(_, tonnes, row)| (*tonnes, row.clone()))
    }

    /// Every date on which a table of the family, or a capacity, was published.
    pub(super) fn dates(&self, family: FamilyId) -> BTreeSet<Date> {
        let tables = self.tables.get(&family).into_iter().flat_map(BTreeMap::values).flatten();
        let capacities = self.capacities.iter().filter(|((of, _), _)| *of == family).flat_map(|(_, rows)| rows);
        tables.map(|vintage| vintage.known_from).chain(capacities.map(|(known_from, ..)| *known_from)).collect()
    }

    /// Of each table the newest vintage known by the date.
    fn newest(&self, family: FamilyId, date: Date) -> impl Iterator<Item = &Vintage> {
        let tables = self.tables.get(&family).into_iter().flat_map(BTreeMap::values);
        tables.filter_map(move |vintages| {
            let known = vintages.iter().filter(|vintage| vintage.known_from <= date);
            known.max_by(|a, b| (a.known_from, &a.id).cmp(&(b.known_from, &b.id)))
        })
    }
}

impl Vintage {
    fn listing(&self, country: Country, year: i16) -> Listing {
        if let Some(years) = self.countries.get(&country) {
            let figures = years.iter().filter_map(|(of, tonnes, row)| tonnes.map(|tonnes| (of, tonnes, row)));
            // Of two years equally near the later one.
            return match figures.min_by_key(|(of, ..)| (of.abs_diff(year), -**of)) {
                Some((_, tonnes, row)) => Listing::Tonnes(tonnes, row.clone()),
                None => Listing::WithoutFigure,
            };
        }
        if !self.lists_world {
            return Listing::Silent;
        }
        let figures = self.countries.values().flatten();
        let made = figures.filter_map(|(of, tonnes, row)| tonnes.filter(|tonnes| *tonnes > 0.0).map(|tonnes| (of, tonnes, row)));
        let smallest = made.min_by(|a, b| {
            let near = |of: &i16| (of.abs_diff(year), -*of);
            near(a.0).cmp(&near(b.0)).then(a.1.total_cmp(&b.1)).then(a.2.cmp(b.2))
        });
        smallest.map_or(Listing::Silent, |(_, tonnes, row)| Listing::AtMost(tonnes, row.clone()))
    }
}

const PRODUCTION: &[&str] = &[
    "id",
    "table",
    "family",
    "kind",
    "country",
    "year",
    "tonnes",
    "lists_world",
    "known_from",
    "note",
    "source",
    "confidence",
    "certainty",
];
const CAPACITY: &[&str] = &["id", "family", "country", "tonnes", "known_from", "note", "source", "confidence", "certainty"];

/// Reads production and capacity.
pub(super) fn read(
    files: &BTreeMap<String, String>,
    known: &KnownFamilies,
    problems: &mut Problems,
) -> (Producers, [Option<Date>; 2]) {
    let mut producers = Producers::default();
    let mut newest = [None; 2];
    for row in rows(files, "production.csv", PRODUCTION, problems) {
        newest[0] = newest[0].max(row.text("known_from").parse().ok());
        add(&row, known, &mut producers, problems);
    }
    let mut capacities = BTreeSet::new();
    for row in rows(files, "capacity.csv", CAPACITY, problems) {
        newest[1] = newest[1].max(row.text("known_from").parse().ok());
        let family = row.family("family", known, problems);
        let country = row.country("country", problems);
        let tonnes = row.amount("tonnes", problems);
        let known_from = row.date("known_from", problems);
        let (Some(family), Some(country), Some(tonnes), Some(known_from)) = (family, country, tonnes, known_from) else {
            continue;
        };
        let is_first = capacities.insert((family, country, known_from));
        row.once(is_first, "country", "a capacity that was known on the same day", problems);
        if row.weighs() {
            producers.capacities.entry((family, country)).or_default().push((known_from, tonnes, row.name()));
        }
    }
    (producers, newest)
}

fn add(row: &Row, known: &KnownFamilies, producers: &mut Producers, problems: &mut Problems) -> Option<()> {
    let family = row.family("family", known, problems);
    let kind = match row.text("kind") {
        "mine" => Some(Kind::Mine),
        "refinery" => Some(Kind::Refinery),
        "smelter" => Some(Kind::Smelter),
        "secondary" => Some(Kind::Secondary),
        _ => {
            row.wrong("kind", "is no kind (mine, refinery, smelter or secondary)", problems);
            None
        }
    };
    let country = row.country("country", problems);
    let year = row.year("year", problems);
    // Without weight the table still lists the country, and how much it makes is unknown.
    let tonnes = row.open_amount("tonnes", problems).filter(|_| row.weighs());
    let lists_world = row.flag("lists_world", problems);
    let known_from = row.date("known_from", problems);
    row.known_after_year(known_from, year, problems);
    let id = row.text("table");
    let Some((_, counts)) = id.rsplit_once('.') else {
        row.wrong("table", "is no table (vintage.family.what it counts)", problems);
        return None;
    };
    let (family, kind, known_from) = (family?, kind?, known_from?);
    let vintages = producers.tables.entry(family).or_default().entry(counts.to_owned()).or_default();
    let index = vintages.iter().position(|vintage| vintage.id == id).unwrap_or(vintages.len());
    if index == vintages.len() {
        vintages.push(Vintage { id: id.to_owned(), kind, known_from, lists_world, countries: BTreeMap::new() });
    }
    let vintage = vintages.get_mut(index)?;
    if (vintage.kind, vintage.known_from, vintage.lists_world) != (kind, known_from, lists_world) {
        row.wrong("table", "has another kind, known_from or lists_world on an earlier row", problems);
    }
    let (years, year) = (vintage.countries.entry(country?).or_default(), year?);
    row.once(years.iter().all(|(of, ..)| *of != year), "country", "a row of this table and year", problems);
    years.push((year, tonnes, row.name()));
    Some(())
}
