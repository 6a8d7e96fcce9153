//! Code systems of countries and ports, as statistics offices and customs write them. Not a matter of dates.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::str::FromStr;
use std::sync::Arc;

use crate::domain::{Country, Date, Port};

use super::table::{Problems, rows};

/// How a feed writes countries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum CodeSystem {
    /// ISO 3166-1 alpha-2.
    Iso2,
    /// ISO 3166-1 alpha-3.
    Iso3,
    /// UN M49, numeric.
    M49,
    /// UN Comtrade: M49 with its own codes for some countries.
    Comtrade,
    /// US Census Schedule C.
    Census,
    /// China's customs (GACC), three digits.
    Gacc,
    /// Japan's customs, three digits.
    Japan,
    /// Eurostat geonomenclature.
    Geonom,
    /// Names in English.
    NameEn,
}

impl CodeSystem {
    /// All systems, by the names mappings use.
    pub const ALL: [(&'static str, CodeSystem); 9] = [
        ("iso2", CodeSystem::Iso2),
        ("iso3", CodeSystem::Iso3),
        ("m49", CodeSystem::M49),
        ("comtrade", CodeSystem::Comtrade),
        ("census", CodeSystem::Census),
        ("gacc", CodeSystem::Gacc),
        ("japan", CodeSystem::Japan),
        ("geonom", CodeSystem::Geonom),
        ("name-en", CodeSystem::NameEn),
    ];
}

impl FromStr for CodeSystem {
    type Err = UnknownCodeSystem;

    fn from_str(text: &str) -> Result<CodeSystem, UnknownCodeSystem> {
        let found = CodeSystem::ALL.into_iter().find(|(name, _)| *name == text);
        found.map(|(_, system)| system).ok_or_else(|| UnknownCodeSystem(text.to_owned()))
    }
}

/// How a feed writes ports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PortSystem {
    /// UN/LOCODE.
    Unlocode,
    /// US Schedule K: foreign ports, five digits.
    ScheduleK,
    /// US Schedule D: districts and ports of the United States, four digits.
    ScheduleD,
    /// A name, a comma, a country.
    Name,
}

impl PortSystem {
    /// All systems, by the names mappings use.
    pub const ALL: [(&'static str, PortSystem); 4] = [
        ("unlocode", PortSystem::Unlocode),
        ("schedule-k", PortSystem::ScheduleK),
        ("schedule-d", PortSystem::ScheduleD),
        ("name", PortSystem::Name),
    ];
}

impl FromStr for PortSystem {
    type Err = UnknownCodeSystem;

    fn from_str(text: &str) -> Result<PortSystem, UnknownCodeSystem> {
        let found = PortSystem::ALL.into_iter().find(|(name, _)| *name == text);
        found.map(|(_, system)| system).ok_or_else(|| UnknownCodeSystem(text.to_owned()))
    }
}

/// The text names no system of codes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is no system of codes (countries: iso2 iso3 m49 comtrade census gacc japan geonom name-en; \
     ports: unlocode schedule-k schedule-d name)"
)]
pub struct UnknownCodeSystem(pub String);

/// What a country code stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CountryCode {
    /// A country, or the EU.
    Country(Country),
    /// A total, a continent, a bloc: summing it beside its members counts twice.
    Group,
    /// The source says that it names none (stores, not specified, confidential).
    NoCountry,
    /// The system has no such code.
    Unknown,
}

/// The code tables.
#[derive(Debug, Default)]
pub struct Codes {
    countries: BTreeMap<CodeSystem, BTreeMap<String, CountryCode>>,
    ports: BTreeMap<(PortSystem, String), (Country, Option<Port>)>,
    members_of_eu: Arc<MembersOfEu>,
    /// What to call a country.
    country_names: BTreeMap<Country, String>,
    /// What to call a port, and the row that says so.
    port_names: BTreeMap<Port, (String, String)>,
}

impl Codes {
    /// The country that the text names in the system. Case, surrounding blanks, leading zeros of numbers and a `.0` behind them do not matter.
    pub fn country(&self, system: CodeSystem, text: &str) -> CountryCode {
        let key = normal(system, text);
        let found = |system| self.countries.get(&system)?.get(key.as_ref()).copied();
        let fallback = match system {
            CodeSystem::Comtrade => found(CodeSystem::Comtrade).or_else(|| found(CodeSystem::M49)),
            CodeSystem::Geonom => found(CodeSystem::Geonom).or_else(|| found(CodeSystem::Iso2)),
            other => found(other),
        };
        fallback.unwrap_or(CountryCode::Unknown)
    }

    /// The country and, where known, the UN/LOCODE of the port that the text names in the system; `None` where it names none.
    pub fn port(&self, system: PortSystem, text: &str) -> Option<(Country, Option<Port>)> {
        let text = text.trim();
        match system {
            PortSystem::Unlocode => {
                let compact: String = text.chars().filter(|c| !c.is_whitespace()).collect();
                let port: Port = compact.to_ascii_uppercase().parse().ok()?;
                Some((port.country(), Some(port)))
            }
            PortSystem::ScheduleK | PortSystem::ScheduleD => self.ports.get(&(system, without_zeros(text))).copied(),
            PortSystem::Name => {
                let (name, country) = text.rsplit_once(',')?;
                let by_name = self.country(CodeSystem::NameEn, country);
                let CountryCode::Country(country) = (match by_name {
                    CountryCode::Unknown => self.country(CodeSystem::Iso2, country),
                    known => known,
                }) else {
                    return None;
                };
                let port = self.ports.get(&(PortSystem::Name, port_name(name, country)));
                Some(port.copied().unwrap_or((country, None)))
            }
        }
    }

    /// What to call a country, in English; its code where the bundle has no name for it.
    pub fn name_of_country<'a>(&'a self, country: &'a Country) -> &'a str {
        self.country_names.get(country).map_or_else(|| country.code(), String::as_str)
    }

    /// What to call a port, and the id of the row that says so; `None` where the bundle has no name for it.
    pub fn name_of_port(&self, port: Port) -> Option<(&str, &str)> {
        self.port_names.get(&port).map(|(name, row)| (name.as_str(), row.as_str()))
    }

    /// The members of the European Union.
    pub fn members_of_eu(&self) -> &Arc<MembersOfEu> {
        &self.members_of_eu
    }
}

/// The members of the European Union: from which day, and until which (exclusive).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MembersOfEu(BTreeMap<Country, (Date, Date)>);

impl MembersOfEu {
    /// These, each from a day until another (exclusive).
    pub fn new(members: impl Iterator<Item = (Country, (Date, Date))>) -> MembersOfEu {
        MembersOfEu(members.collect())
    }

    /// Those that have not left.
    pub(super) fn staying(&self) -> impl Iterator<Item = Country> + '_ {
        self.0.iter().filter(|(_, (_, until))| *until == Date::MAX).map(|(country, _)| *country)
    }

    /// Whether a country is one on a day.
    pub fn contains(&self, country: Country, on: Date) -> bool {
        self.0.get(&country).is_some_and(|(from, until)| *from <= on && on < *until)
    }
}

/// The days of `EU 1973-01-01/2020-02-01`, or of `EU 1973-01-01/`; `EU` alone is at all times.
fn days_of_eu(group: &str) -> Option<Result<(Date, Date), jiff::Error>> {
    let days = group.strip_prefix("EU")?.trim();
    let (from, until) = days.split_once('/').unwrap_or((days, ""));
    let day = |text: &str, open: Date| if text.is_empty() { Ok(open) } else { text.parse() };
    Some(day(from, Date::MIN).and_then(|from| Ok((from, day(until, Date::MAX)?))))
}

fn without_zeros(text: &str) -> String {
    let stripped = text.trim_start_matches('0');
    if stripped.is_empty() && !text.is_empty() { "0".to_owned() } else { stripped.to_owned() }
}

fn port_name(name: &str, country: Country) -> String {
    format!("{}/{country}", normal(CodeSystem::NameEn, name))
}

fn normal(system: CodeSystem, text: &str) -> Cow<'_, str> {
    let text = text.trim();
    match system {
        CodeSystem::Iso2 | CodeSystem::Iso3 | CodeSystem::Geonom => upper(text),
        CodeSystem::NameEn if text.is_ascii() => {
            let mut plain = String::with_capacity(text.len());
            for word in text.split_whitespace() {
                if !plain.is_empty() {
                    plain.push(' ');
                }
                plain.push_str(word);
            }
            plain.make_ascii_lowercase();
            Cow::Owned(plain)
        }
        CodeSystem::NameEn => {
            let plain = text.to_lowercase().replace('\u{2019}', "'");
            Cow::Owned(plain.split_whitespace().collect::<Vec<_>>().join(" "))
        }
        CodeSystem::M49 | CodeSystem::Comtrade | CodeSystem::Census | CodeSystem::Gacc | CodeSystem::Japan => {
            // Programs that keep numbers as floats write `764.0`.
            Cow::Owned(without_zeros(&upper(text.strip_suffix(".0").unwrap_or(text))))
        }
    }
}

fn upper(text: &str) -> Cow<'_, str> {
    if text.bytes().any(|byte| byte.is_ascii_lowercase()) {
        return Cow::Owned(text.to_ascii_uppercase());
    }
    Cow::Borrowed(text)
}

/// Reads the code tables.
pub(super) fn read(files: &BTreeMap<String, String>, problems: &mut Problems) -> Codes {
    let mut codes = Codes::default();
    countries(files, &mut codes, problems);
    other_systems(files, &mut codes, problems);
    ports(files, &mut codes, problems);
    codes
}

fn countries(files: &BTreeMap<String, String>, codes: &mut Codes, problems: &mut Problems) {
    let columns = &["id", "iso3", "m49", "census", "name", "names", "groups", "source"];
    let mut members_of_eu = BTreeMap::new();
    for row in rows(files, "countries.csv", columns, problems) {
        let Some(country) = row.country("id", problems) else { continue };
        for days in row.list("groups").into_iter().filter_map(days_of_eu) {
            match days {
                Ok((from, until)) if from < until => drop(members_of_eu.insert(country, (from, until))),
                _ => row.wrong("groups", "holds no days of membership (EU FROM/UNTIL, the last exclusive or open)", problems),
            }
        }
        codes.country_names.insert(country, row.text("name").to_owned());
        let coded = [(CodeSystem::Iso3, "iso3"), (CodeSystem::M49, "m49"), (CodeSystem::Census, "census")];
        let mut keys = vec![(CodeSystem::Iso2, normal(CodeSystem::Iso2, country.code()), "id")];
        keys.extend(coded.map(|(system, column)| (system, normal(system, row.text(column)), column)));
        keys.extend(row.text("names").split('|').map(|name| (CodeSystem::NameEn, normal(CodeSystem::NameEn, name), "names")));
        keys.push((CodeSystem::NameEn, normal(CodeSystem::NameEn, row.text("name")), "name"));
        for (system, key, column) in keys.into_iter().filter(|(_, key, _)| !key.is_empty()) {
            let before = codes.countries.entry(system).or_default().insert(key.into_owned(), CountryCode::Country(country));
            if before.is_some_and(|before| before != CountryCode::Country(country)) {
                row.wrong(column, "stands for another country on an earlier row", problems);
            }
        }
    }
    codes.members_of_eu = Arc::new(MembersOfEu(members_of_eu));
    codes.countries.entry(CodeSystem::Iso2).or_default().insert("XX".to_owned(), CountryCode::NoCountry);
}

fn other_systems(files: &BTreeMap<String, String>, codes: &mut Codes, problems: &mut Problems) {
    let columns = &["id", "system", "code", "meaning", "source", "confidence"];
    for row in rows(files, "country_codes.csv", columns, problems) {
        let system: Option<CodeSystem> = row.required("system", "is no system of country codes", problems);
        let meaning = match row.text("meaning") {
            "group" => Some(CountryCode::Group),
            "none" => Some(CountryCode::NoCountry),
            _ => {
                let rule = "is no meaning (a country, group or none)";
                row.required("meaning", rule, problems).map(CountryCode::Country)
            }
        };
        let (Some(system), Some(meaning)) = (system, meaning) else { continue };
        let of_system = codes.countries.entry(system).or_default();
        if of_system.insert(normal(system, row.text("code")).into_owned(), meaning).is_some() {
            row.wrong("code", "has a meaning on an earlier row or in countries.csv", problems);
        }
    }
}

fn ports(files: &BTreeMap<String, String>, codes: &mut Codes, problems: &mut Problems) {
    let columns = &["id", "system", "code", "country", "name", "names", "unlocode", "source"];
    for row in rows(files, "ports.csv", columns, problems) {
        let system: Option<PortSystem> = row.required("system", "is no system of port codes", problems);
        let country = row.country("country", problems);
        let port: Option<Port> = row.optional("unlocode", "is no UN/LOCODE", problems);
        if port.is_some_and(|port| Some(port.country()) != country) {
            row.wrong("unlocode", "lies in another country", problems);
        }
        let (Some(system), Some(country)) = (system, country) else { continue };
        if !country.is_known() {
            continue;
        }
        if system == PortSystem::Unlocode && port.is_none_or(|port| port.to_string() != row.text("code")) {
            row.wrong("unlocode", "is not the code of its row", problems);
        }
        if let Some(port) = port {
            let named = (row.text("name").to_owned(), row.text("id").to_owned());
            // The name under its own code before the one that another list gives it.
            if system == PortSystem::Unlocode || !codes.port_names.contains_key(&port) {
                codes.port_names.insert(port, named);
            }
        }
        let before = codes.ports.insert((system, without_zeros(row.text("code"))), (country, port));
        row.once(before.is_none(), "code", "a port", problems);
        let names = row.text("names").split('|').chain([row.text("name")]).filter(|name| !name.is_empty());
        for name in names {
            let known = codes.ports.entry((PortSystem::Name, port_name(name, country))).or_insert((country, port));
            known.1 = known.1.or(port);
        }
    }
}
