//! Exchange rates, publication lags, re-export shares and unit values.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::{Country, Currency, Date, Decimal, HsSubheading, Month};

use super::table::{Problems, rows};

/// How many months back the newest rate may lie where that of the month itself is not known yet.
const RATE_MONTHS_BACK: i32 = 2;

/// The tables that describe trade rather than rule it.
#[derive(Debug, Default)]
pub(super) struct Statistics {
    rates: BTreeMap<(Currency, Month), (Decimal, Date, String)>,
    /// The currency in which values are compared: one, in every month.
    fixed: BTreeMap<Currency, (Decimal, Date, String)>,
    lags: BTreeMap<Country, u16>,
    reexports: BTreeMap<Country, (f64, Date, String)>,
    unit_values: BTreeMap<HsSubheading, (f64, f64, String)>,
}

impl Statistics {
    pub(super) fn dollars(&self, currency: Currency, month: Month, date: Date) -> Option<(Decimal, &str)> {
        let in_month = |back: i32| self.rates.get(&(currency, month.plus(-back)));
        let mut rates = self.fixed.get(&currency).into_iter().chain((0..=RATE_MONTHS_BACK).filter_map(in_month));
        rates.find(|(_, known_from, _)| *known_from <= date).map(|(rate, _, row)| (*rate, row.as_str()))
    }

    pub(super) fn lag_days(&self, reporter: Country) -> Option<u16> {
        self.lags.get(&reporter).copied()
    }

    pub(super) fn reexport_share(&self, country: Country, date: Date) -> Option<(f64, String)> {
        self.reexports.get(&country).filter(|(_, known_from, _)| *known_from <= date).map(|(share, _, row)| (*share, row.clone()))
    }

    pub(super) fn unit_value_band(&self, code: HsSubheading) -> Option<&(f64, f64, String)> {
        self.unit_values.get(&code)
    }

    /// The dates on which a re-export share was published.
    pub(super) fn dates(&self) -> BTreeSet<Date> {
        self.reexports.values().map(|(_, known_from, _)| *known_from).collect()
    }
}

/// Reads the tables, and the newest dates of rates and of re-export shares.
pub(super) fn read(files: &BTreeMap<String, String>, problems: &mut Problems) -> (Statistics, [Option<Date>; 2]) {
    let mut statistics = Statistics::default();
    let mut newest = [None; 2];
    newest[0] = rates(files, &mut statistics, problems);
    for row in rows(files, "lags.csv", &["id", "reporter", "days", "source", "confidence"], problems) {
        let days: Option<u16> = row.required("days", "is no number of days", problems);
        if let (Some(reporter), Some(days)) = (row.country("reporter", problems), days) {
            let before = statistics.lags.insert(reporter, days);
            row.once(before.is_none(), "reporter", "a lag", problems);
        }
    }
    let mut countries = BTreeSet::new();
    let columns = &["id", "country", "reexport_share", "year", "known_from", "source", "confidence", "certainty"];
    for row in rows(files, "hubs.csv", columns, problems) {
        newest[1] = newest[1].max(row.text("known_from").parse().ok());
        let country = row.country("country", problems);
        let share = row.amount("reexport_share", problems);
        if share.is_some_and(|share| share > 1.0) {
            row.wrong("reexport_share", "is more than 1", problems);
        }
        let known_from = row.date("known_from", problems);
        let year = if row.text("year").is_empty() { None } else { row.year("year", problems) };
        row.known_after_year(known_from, year, problems);
        row.once(country.is_none_or(|country| countries.insert(country)), "country", "a share", problems);
        if let (Some(country), Some(share), Some(known_from), true) = (country, share, known_from, row.weighs()) {
            statistics.reexports.insert(country, (share, known_from, row.name()));
        }
    }
    let columns = &["id", "hs6", "low_usd_per_kg", "high_usd_per_kg", "source", "confidence"];
    for row in rows(files, "unit_values.csv", columns, problems) {
        let code = row.subheading("hs6", problems);
        let low = row.amount("low_usd_per_kg", problems);
        let high = row.amount("high_usd_per_kg", problems);
        let (Some(code), Some(low), Some(high)) = (code, low, high) else { continue };
        if low > high {
            row.wrong("low_usd_per_kg", "is above high_usd_per_kg", problems);
        }
        if high <= 0.0 {
            row.wrong("high_usd_per_kg", "is not above zero", problems);
        }
        let before = statistics.unit_values.insert(code, (low, high, row.name()));
        row.once(before.is_none(), "hs6", "a row", problems);
    }
    (statistics, newest)
}

fn rates(files: &BTreeMap<String, String>, statistics: &mut Statistics, problems: &mut Problems) -> Option<Date> {
    let mut newest = None;
    let columns = &["id", "currency", "month", "usd_per_unit", "known_from", "source"];
    for row in rows(files, "exchange_rates.csv", columns, problems) {
        let currency: Option<Currency> = row.required("currency", "is no currency (ISO 4217)", problems);
        let month: Option<Month> = row.optional("month", "is no month (YYYY-MM)", problems);
        let rate: Option<Decimal> = row.required("usd_per_unit", "is no decimal number", problems);
        if rate.is_some_and(|rate| rate <= Decimal::ZERO) {
            row.wrong("usd_per_unit", "is not above zero", problems);
        }
        let known_from = row.date("known_from", problems);
        row.known_after(
            ("known_from", known_from),
            ("its month was over", month.map(|month| month.plus(1).first_day())),
            problems,
        );
        newest = newest.max(known_from);
        let (Some(currency), Some(rate), Some(known_from)) = (currency, rate, known_from) else { continue };
        let value = (rate, known_from, row.name());
        let before = match month {
            Some(month) => statistics.rates.insert((currency, month), value),
            None if row.text("month").is_empty() => statistics.fixed.insert(currency, value),
            None => None,
        };
        row.once(before.is_none(), "currency", "a rate of the same month", problems);
    }
    newest
}
