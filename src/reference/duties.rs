//! Rates of duty by origin, destination and code, each as it was known on a date.

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;
use std::sync::Arc;

use crate::domain::{Country, Date, FamilyId, HsSubheading};

use super::DutyRate;
use super::codes::MembersOfEu;
use super::families::Families;
use super::table::{Problems, Row, rows};

/// The rates of duties.csv, and the codes that duty_exemptions.csv takes out of the general ones.
#[derive(Debug, Default)]
pub(super) struct Duties {
    /// By destination, then origin, then code (`None`: all goods).
    rates: RatesByCountry,
    /// Those that are only shown.
    weightless: RatesByCountry,
    exempt: BTreeSet<HsSubheading>,
    /// By destination, the first day of a rate that spares the exempt codes only: from then on an origin without a row is
    /// unknown.
    general_since: BTreeMap<Country, Date>,
    members_of_eu: Arc<MembersOfEu>,
    dates: BTreeMap<Option<HsSubheading>, BTreeSet<Date>>,
    exempt_dates: BTreeSet<Date>,
}

type RatesByCountry = BTreeMap<Country, BTreeMap<Country, RatesByCode>>;
type RatesByCode = BTreeMap<Option<HsSubheading>, Vec<Rate>>;

#[derive(Clone, Debug)]
struct Rate {
    row: String,
    scope: Scope,
    valid_from: Date,
    valid_to: Option<Date>,
    known_from: Date,
    rate: f64,
}

/// Which codes a rate applies to beside its `hs`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scope {
    All,
    Exempt,
    NotExempt,
}

impl FromStr for Scope {
    type Err = ();

    fn from_str(text: &str) -> Result<Scope, ()> {
        match text {
            "all" => Ok(Scope::All),
            "exempt" => Ok(Scope::Exempt),
            "not_exempt" => Ok(Scope::NotExempt),
            _ => Err(()),
        }
    }
}

/// Whose goods, where to, which.
#[derive(Clone, Copy, Debug)]
pub(super) struct Dutiable {
    pub(super) origin: Country,
    pub(super) destination: Country,
    pub(super) code: HsSubheading,
}

impl Duties {
    /// A day after `date` is answered as of `date`: what will hold then is not known.
    pub(super) fn duty(&self, goods: Dutiable, on: Date, date: Date) -> Option<DutyRate> {
        let on = on.min(date);
        let by_origin = self.rates.get(&goods.destination)?;
        let exempt = self.exempt.contains(&goods.code);
        let rates = self.of_origin(by_origin, goods.origin, on);
        let general = self.general_since.get(&goods.destination).is_some_and(|since| *since <= on);
        let Some(rates) = rates else {
            return if general && !exempt { None } else { Some(DutyRate { rate: 0.0, rows: Vec::new() }) };
        };
        let mut duty = DutyRate { rate: 0.0, rows: Vec::new() };
        for rate in self.applying(rates, goods.code, (on, date)) {
            duty.rate += rate.rate;
            duty.rows.push(rate.row.clone());
        }
        Some(duty)
    }

    /// The rows without weight that would apply.
    pub(super) fn weightless(&self, goods: Dutiable, on: Date, date: Date) -> Vec<String> {
        let by_origin = self.weightless.get(&goods.destination);
        let Some(rates) = by_origin.and_then(|by_origin| self.of_origin(by_origin, goods.origin, on)) else { return Vec::new() };
        self.applying(rates, goods.code, (on.min(date), date)).map(|rate| rate.row.clone()).collect()
    }

    fn of_origin<'a>(&self, by_origin: &'a BTreeMap<Country, RatesByCode>, origin: Country, on: Date) -> Option<&'a RatesByCode> {
        let of_eu = || by_origin.get(&Country::EU).filter(|_| self.members_of_eu.contains(origin, on));
        by_origin.get(&origin).or_else(of_eu)
    }

    /// The rates for a code on a day, as known on a date.
    fn applying<'a>(
        &self,
        rates: &'a RatesByCode,
        code: HsSubheading,
        (on, date): (Date, Date),
    ) -> impl Iterator<Item = &'a Rate> + use<'a> {
        let exempt = self.exempt.contains(&code);
        let applies = move |rate: &&Rate| match rate.scope {
            Scope::All => true,
            Scope::Exempt => exempt,
            Scope::NotExempt => !exempt,
        };
        let holds = move |rate: &&Rate| {
            rate.known_from <= date && rate.valid_from <= on && rate.valid_to.is_none_or(|valid_to| on < valid_to)
        };
        let of_code = [Some(code), None].into_iter().filter_map(|code| rates.get(&code)).flatten();
        of_code.filter(applies).filter(holds)
    }

    /// Every date on which a rate for a code of the family is announced, begins or ends.
    pub(super) fn dates(&self, families: &Families, family: FamilyId) -> BTreeSet<Date> {
        let mut dates = BTreeSet::new();
        let codes = families.hs6_of(family);
        for (code, of_code) in &self.dates {
            let touches = match code {
                Some(code) if family.is_material() => codes.contains(code),
                Some(code) => FamilyId::basket(*code) == family || FamilyId::heading(*code) == family,
                // The general rates spare what is exempt; of a heading some codes may not be.
                None => codes.is_empty() || codes.iter().any(|code| !self.exempt.contains(code)),
            };
            if touches {
                dates.extend(of_code);
            }
        }
        if codes.iter().any(|code| self.exempt.contains(code)) || !family.is_material() {
            dates.extend(&self.exempt_dates);
        }
        dates
    }
}

const COLUMNS: &[&str] = &[
    "id",
    "destination",
    "origin",
    "hs",
    "scope",
    "valid_from",
    "valid_to",
    "rate",
    "known_from",
    "source",
    "confidence",
    "certainty",
];

/// Above it, what was meant is a percentage. Duties of more than 500 % exist; whatever they are, they pay for rerouting.
const RATE_MAX: f64 = 5.0;

/// Reads the rates; those that are of low certainty or recalled are kept apart.
pub(super) fn read(
    files: &BTreeMap<String, String>,
    members_of_eu: Arc<MembersOfEu>,
    problems: &mut Problems,
) -> (Duties, Option<Date>) {
    let mut duties = Duties { members_of_eu, ..Duties::default() };
    let mut newest = None;
    for row in rows(files, "duty_exemptions.csv", &["id", "hs6", "known_from", "source"], problems) {
        row.date("known_from", problems);
        let code = row.subheading("hs6", problems);
        row.once(code.is_none_or(|code| duties.exempt.insert(code)), "hs6", "a row", problems);
    }
    for row in rows(files, "duties.csv", COLUMNS, problems) {
        newest = newest.max(row.text("known_from").parse().ok());
        add(&row, &mut duties, problems);
    }
    (duties, newest)
}

fn add(row: &Row, duties: &mut Duties, problems: &mut Problems) -> Option<()> {
    let destination = row.country("destination", problems);
    let origin = row.country("origin", problems);
    let code = if row.text("hs") == "all" { Some(None) } else { row.subheading("hs", problems).map(Some) };
    let scope: Option<Scope> = row.required("scope", "is no scope (all, exempt or not_exempt)", problems);
    let valid_from = row.date("valid_from", problems);
    let valid_to = row.open_date("valid_to", problems);
    row.ordered(("valid_from", valid_from), ("valid_to", valid_to), problems);
    let rate = row.amount("rate", problems);
    if rate.is_some_and(|rate| rate > RATE_MAX) {
        row.wrong("rate", "is above 5, which is 500 %: a fraction of the value is meant, 0.25 for 25 %", problems);
    }
    let known_from = row.date("known_from", problems);
    let (destination, code, scope) = (destination?, code?, scope?);
    let rate = Rate { row: row.name(), scope, valid_from: valid_from?, valid_to, known_from: known_from?, rate: rate? };
    // A tariff of the European Union is one of each of its members.
    let mut destinations = vec![destination];
    if destination == Country::EU {
        destinations.extend(duties.members_of_eu.staying());
    }
    let origin = origin?;
    let put = |rates: &mut RatesByCountry, destination: Country| {
        let by_code = rates.entry(destination).or_default().entry(origin).or_default();
        by_code.entry(code).or_default().push(rate.clone());
    };
    if !row.weighs() {
        destinations.into_iter().for_each(|destination| put(&mut duties.weightless, destination));
        return None;
    }
    let dates = match scope {
        Scope::Exempt => &mut duties.exempt_dates,
        _ => duties.dates.entry(code).or_default(),
    };
    dates.extend([rate.known_from, rate.valid_from]);
    dates.extend(rate.valid_to);
    for destination in destinations {
        if scope == Scope::NotExempt {
            let since = duties.general_since.entry(destination).or_insert(rate.valid_from);
            *since = (*since).min(rate.valid_from);
        }
        put(&mut duties.rates, destination);
    }
    Some(())
}
