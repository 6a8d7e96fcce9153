//! What the values of a column look like, by their form and the code tables. Knows nothing of its name.

use std::collections::{BTreeMap, BTreeSet};

use super::table::Table;
use crate::decode::time::{Format, read_date, read_period};
use crate::decode::{number, units};
use crate::domain::{ContainerNumber, Currency, Date, Port};
use crate::reference::{CodeSystem, Codes, CountryCode, PortSystem};

/// Texts that sources write for nothing. `NA` is Namibia, and no null here.
const NULLS: [&str; 9] = ["-", "--", "..", "n/a", "N/A", "null", "NULL", "nil", "None"];
/// Texts that stand for all countries, goods or periods.
const TOTALS: [&str; 20] = [
    "total",
    "totals",
    "grand total",
    "world",
    "world total",
    "wld",
    "w00",
    "all",
    "all countries",
    "all commodities",
    "all products",
    "sum",
    "合计",
    "总计",
    "合計",
    "総額",
    "総計",
    "합계",
    "총계",
    "全部",
];
const DAYS: [&str; 17] = [
    "%Y-%m-%d",
    "%Y%m%d",
    "%d/%m/%Y",
    "%m/%d/%Y",
    "%d-%m-%Y",
    "%m-%d-%Y",
    "%d.%m.%Y",
    "%Y/%m/%d",
    "%Y.%m.%d",
    "%d-%b-%Y",
    "%d-%b-%y",
    "%d %b %Y",
    "%d %B %Y",
    "%Y-%m-%d %H:%M:%S",
    "%d/%m/%Y %H:%M",
    "%m/%d/%Y %H:%M",
    "rfc3339",
];
const MONTHS: [&str; 12] =
    ["%Y-%m", "%Y%m", "%Y/%m", "%Y.%m", "%m/%Y", "%m-%Y", "%B %Y", "%b %Y", "%b-%Y", "%b-%y", "%Y-%b", "period"];
const CURRENCIES: [&str; 24] = [
    "USD", "EUR", "CNY", "JPY", "KRW", "GBP", "INR", "VND", "THB", "MYR", "IDR", "SGD", "HKD", "TWD", "AUD", "CAD", "CHF", "BRL",
    "MXN", "TRY", "RUB", "ZAR", "AED", "PHP",
];
const FLOWS: [(&str, &str); 14] = [
    ("import", "import"),
    ("imports", "import"),
    ("imp", "import"),
    ("m", "import"),
    ("i", "import"),
    ("进口", "import"),
    ("輸入", "import"),
    ("export", "export"),
    ("exports", "export"),
    ("exp", "export"),
    ("x", "export"),
    ("e", "export"),
    ("出口", "export"),
    ("輸出", "export"),
];

/// How figures are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Print {
    /// Between thousands.
    pub(super) grouping: Option<char>,
    pub(super) decimal_comma: bool,
    /// A comma or point that could be either.
    pub(super) unsure: Option<char>,
}

/// A column's values, and what they look like.
#[derive(Debug)]
pub(super) struct Looks<'t> {
    pub(super) rows: usize,
    /// Values that are there, without nulls.
    pub(super) filled: usize,
    pub(super) distinct: Vec<&'t str>,
    pub(super) nulls: BTreeSet<&'t str>,
    /// Texts that stand for a total.
    pub(super) totals: Vec<&'t str>,
    /// How many digits codes of goods have, and how many values do.
    pub(super) goods: BTreeMap<usize, usize>,
    /// A text stands behind the code.
    pub(super) goods_with_text: bool,
    /// Systems that know most of the values as countries, best first, with how many they know.
    pub(super) countries: Vec<(&'static str, CodeSystem, usize)>,
    pub(super) days: Vec<&'static str>,
    pub(super) months: Vec<&'static str>,
    pub(super) years: bool,
    /// Parts of a date: 1 to 12, or names of months.
    pub(super) month_part: Option<&'static str>,
    pub(super) print: Option<Print>,
    pub(super) currency: bool,
    pub(super) unit: bool,
    pub(super) flow: bool,
    /// The most container numbers in a cell, where all digits hold.
    pub(super) containers: usize,
    pub(super) port: Option<&'static str>,
    pub(super) bill: bool,
}

fn most(hits: usize, of: usize) -> bool {
    of > 0 && hits * 10 >= of * 9
}

/// Whether a text stands for everything.
pub(super) fn is_total(text: &str) -> bool {
    let lower = text.to_lowercase();
    TOTALS.contains(&lower.as_str()) || lower.starts_with("total ") || lower.ends_with(" total")
}

/// What a word for the direction of trade means.
pub(super) fn flow(text: &str) -> Option<&'static str> {
    let lower = text.to_lowercase();
    FLOWS.iter().find(|(word, _)| *word == lower).map(|(_, flow)| *flow)
}

impl<'t> Looks<'t> {
    /// Looks at one column.
    pub(super) fn of(table: &'t Table, at: usize, codes: &Codes) -> Looks<'t> {
        let cells: Vec<&str> = table.rows.iter().filter_map(|row| row.get(at)?.as_deref()).map(str::trim).collect();
        let (nulls, values): (Vec<&str>, Vec<&str>) = cells.into_iter().partition(|cell| NULLS.contains(cell));
        let (totals, plain): (Vec<&str>, Vec<&str>) = values.iter().partition(|value| is_total(value));
        let all = |test: &dyn Fn(&str) -> bool| most(plain.iter().filter(|value| test(value)).count(), plain.len());
        let (goods, goods_with_text) = goods(&plain);
        let distinct = distinct(&values);
        Looks {
            rows: table.rows.len(),
            filled: values.len(),
            nulls: nulls.into_iter().collect(),
            totals: self::distinct(&totals),
            goods,
            goods_with_text,
            countries: countries(&self::distinct(&plain), codes),
            days: formats(&DAYS, &|format, text| read_date(text, format).is_some_and(is_recent), &plain),
            months: formats(
                &MONTHS,
                &|format, text| read_period(text, format).is_some_and(|p| is_recent(p.last().last_day())),
                &plain,
            ),
            years: all(&|text| text.len() == 4 && text.parse::<u16>().is_ok_and(|year| (1980..2100).contains(&year))),
            month_part: month_part(&plain),
            print: print(&plain, table.texts.contains(&at)),
            currency: all(&|text| text.parse::<Currency>().is_ok() && CURRENCIES.contains(&text)),
            unit: all(&|text| units::read(text, &BTreeMap::new()).is_some()),
            flow: all(&|text| flow(text).is_some()),
            containers: containers(&plain),
            port: port(&self::distinct(&plain), codes),
            bill: all(&is_bill),
            distinct,
        }
    }

    /// What stands between a year and these values, where they are quarters: `Q1` or `1`.
    pub(super) fn quarter(&self) -> Option<&'static str> {
        let all = |of: [&str; 4]| !self.distinct.is_empty() && self.distinct.iter().all(|text| of.contains(text));
        let after_letter = all(["1", "2", "3", "4"]).then_some("-Q");
        after_letter.or_else(|| all(["Q1", "Q2", "Q3", "Q4"]).then_some("-"))
    }

    /// In a few words, what the values look like.
    pub(super) fn describe(&self) -> String {
        let mut said: Vec<String> = Vec::new();
        let mut say = |is: bool, text: &dyn Fn() -> String| {
            if is {
                said.push(text())
            }
        };
        let lengths = || self.goods.keys().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        say(self.containers > 0, &|| "container numbers (ISO 6346, all check digits hold)".to_owned());
        say(!self.goods.is_empty(), &|| {
            format!("HS codes of {} digits{}", lengths(), if self.goods_with_text { " with text" } else { "" })
        });
        let systems: Vec<&str> = self.countries.iter().map(|(name, ..)| *name).collect();
        say(!systems.is_empty(), &|| format!("countries as {}", systems.join(" or ")));
        say(!self.days.is_empty(), &|| format!("dates {}", self.days.join(" or ")));
        say(!self.months.is_empty(), &|| format!("periods {}", self.months.join(" or ")));
        say(self.years, &|| "years".to_owned());
        say(self.currency, &|| "currencies (ISO 4217)".to_owned());
        say(self.unit, &|| "units".to_owned());
        say(self.flow, &|| "directions of trade".to_owned());
        say(self.port.is_some(), &|| format!("ports as {}", self.port.unwrap_or_default()));
        say(self.bill, &|| "numbers of bills (four letters of a carrier, then digits)".to_owned());
        say(self.print.is_some(), &|| "figures".to_owned());
        if said.is_empty() {
            said.push(if self.filled == 0 { "nothing: it is empty here".to_owned() } else { "text".to_owned() });
        }
        said.join("; ")
    }
}

fn distinct<'t>(values: &[&'t str]) -> Vec<&'t str> {
    let mut seen = BTreeSet::new();
    values.iter().copied().filter(|value| seen.insert(*value)).collect()
}

fn is_recent(date: Date) -> bool {
    (1980..2100).contains(&date.year())
}

/// Codes of goods by their length; none where not most values are one.
fn goods(values: &[&str]) -> (BTreeMap<usize, usize>, bool) {
    let mut lengths: BTreeMap<usize, usize> = BTreeMap::new();
    let mut with_text = false;
    for value in values {
        let code = value.trim_start_matches('\'').split(' ').next().unwrap_or_default();
        let digits = code.replace('.', "");
        let chapter = digits.get(..2).and_then(|chapter| chapter.parse::<u8>().ok());
        // A point stands only where it divides a code: 2825.80, and not 1234.5.
        let mut parts = code.split('.');
        let pointed = parts.next().is_some_and(|head| head.len() == 4) && parts.all(|part| part.len() == 2);
        let is_code = (4..=12).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
        if is_code && chapter.is_some_and(|chapter| (1..=97).contains(&chapter)) && (pointed || !code.contains('.')) {
            *lengths.entry(digits.len()).or_default() += 1;
            with_text |= value.contains(' ');
        }
    }
    // Figures have every length; codes have few, and mostly an even one.
    let even: usize = lengths.iter().filter(|(length, _)| *length % 2 == 0).map(|(_, count)| count).sum();
    let fits = most(lengths.values().sum(), values.len()) && lengths.len() <= 4 && even * 10 >= values.len() * 6;
    if fits { (lengths, with_text) } else { (BTreeMap::new(), false) }
}

fn countries(values: &[&str], codes: &Codes) -> Vec<(&'static str, CodeSystem, usize)> {
    let known = |system| {
        let is_country = |value: &&&str| matches!(codes.country(system, value), CountryCode::Country(_));
        values.iter().filter(is_country).count()
    };
    let counted = CodeSystem::ALL.map(|(name, system)| (name, system, known(system)));
    let mut found: Vec<_> = counted.into_iter().filter(|(.., count)| *count > 0 && count * 10 >= values.len() * 6).collect();
    let best = found.iter().map(|(.., count)| *count).max().unwrap_or(0);
    found.retain(|(.., count)| *count == best);
    // These take other systems' codes as well: they are named only where nothing simpler knows as many.
    let wider = [
        (CodeSystem::Geonom, CodeSystem::Iso2),
        (CodeSystem::Comtrade, CodeSystem::M49),
        (CodeSystem::NameEn, CodeSystem::Iso2),
        (CodeSystem::NameEn, CodeSystem::Iso3),
    ];
    for (wider, plain) in wider {
        if found.iter().any(|(_, system, _)| *system == plain) {
            found.retain(|(_, system, _)| *system != wider);
        }
    }
    found
}

fn formats(all: &[&'static str], reads: &dyn Fn(&[Format], &str) -> bool, values: &[&str]) -> Vec<&'static str> {
    let fits = |text: &&&'static str| {
        let format = Format::parse(text).ok().map(|format| [format]);
        format.is_some_and(|format| most(values.iter().filter(|value| reads(&format, value)).count(), values.len()))
    };
    all.iter().filter(fits).copied().collect()
}

fn month_part(values: &[&str]) -> Option<&'static str> {
    let all = |test: &dyn Fn(&str) -> bool| most(values.iter().filter(|value| test(value)).count(), values.len());
    let reads = |form: &str| {
        let format = Format::parse(&format!("%Y-{form}")).ok().map(|format| [format]);
        format.is_some_and(|format| all(&|text| read_period(&format!("2024-{text}"), &format).is_some()))
    };
    let numbered = all(&|text| text.len() <= 2 && text.parse::<u8>().is_ok_and(|month| (1..=12).contains(&month)));
    if numbered { Some("%m") } else { ["%b", "%B"].into_iter().find(|form| reads(form)) }
}

fn fits_print(text: &str, (grouping, point): Signs) -> bool {
    let text = text.strip_prefix('-').unwrap_or(text);
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let (whole, fraction) = text.split_once(point).map_or((text, None), |(whole, fraction)| (whole, Some(fraction)));
    let mut groups = whole.split(|sign| Some(sign) == grouping);
    let first = groups.next().unwrap_or_default();
    let rest: Vec<&str> = groups.collect();
    let last_of_three = rest.last().is_none_or(|last| last.len() == 3);
    // No thousands begin with a zero or with more than three digits: `0.125` and `1512.300` are decimal.
    let is_whole = digits(first) && (rest.is_empty() || first.len() <= 3 && !first.starts_with('0'));
    is_whole
        && rest.iter().all(|part| digits(part) && (2..=3).contains(&part.len()))
        && last_of_three
        && fraction.is_none_or(digits)
}

/// The sign between thousands, and that which ends the whole.
type Signs = (Option<char>, char);

fn print(values: &[&str], is_text: bool) -> Option<Print> {
    let fits = |signs: &Signs| most(values.iter().filter(|value| fits_print(value, *signs)).count(), values.len());
    let is_plain = most(values.iter().filter(|value| number::exact(value).is_some()).count(), values.len());
    let kinds = [(Some(','), '.'), (None, ','), (Some('.'), ','), (Some(' '), ','), (Some(' '), '.'), (Some('\u{a0}'), ',')];
    let signs = if is_plain { (None, '.') } else { kinds.into_iter().find(fits)? };
    // `512.300` and `1,250` may be either. One figure that is only one of the two tells it for all.
    let other = match signs {
        (None, '.') => Some(('.', (Some('.'), ','))),
        (Some(','), '.') => Some((',', (None, ','))),
        _ => None,
    };
    let unsure = other.filter(|(sign, other)| {
        let mut printed = values.iter().filter(|value| fits_print(value, signs));
        is_text && values.iter().any(|value| value.contains(*sign)) && printed.all(|value| fits_print(value, *other))
    });
    Some(Print { grouping: signs.0, decimal_comma: signs.1 == ',', unsure: unsure.map(|(sign, _)| sign) })
}

/// The numbers in a cell, with commas, semicolons or blanks between them.
pub(super) fn parts(cell: &str) -> impl Iterator<Item = &str> {
    cell.split([',', ';', ' ']).map(str::trim).filter(|part| !part.is_empty())
}

fn containers(values: &[&str]) -> usize {
    let holds = |text: &str| text.parse::<ContainerNumber>().is_ok_and(|number| number.check_digit_holds());
    let fits = values.iter().filter(|value| parts(value).all(holds)).count();
    if most(fits, values.len()) { values.iter().map(|value| parts(value).count()).max().unwrap_or(0) } else { 0 }
}

fn port(values: &[&str], codes: &Codes) -> Option<&'static str> {
    let known = |system: PortSystem, value: &str| match system {
        // Five letters are a port only where the list knows it: any word of five letters has the form.
        PortSystem::Unlocode => value.parse::<Port>().is_ok_and(|port| codes.name_of_port(port).is_some()),
        _ => codes.port(system, value).is_some_and(|(_, port)| port.is_some()),
    };
    let fits = |system| values.iter().filter(|value| known(system, value)).count() * 10 >= values.len().max(1) * 6;
    PortSystem::ALL.into_iter().find(|(_, system)| fits(*system)).map(|(name, _)| name)
}

fn is_bill(text: &str) -> bool {
    let (letters, rest) = text.split_at_checked(4).unwrap_or((text, ""));
    let alike = letters.bytes().all(|byte| byte.is_ascii_uppercase()) && rest.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let digits = rest.bytes().filter(u8::is_ascii_digit).count();
    // Eleven signs are a container's number.
    alike && (6..=12).contains(&rest.len()) && rest.len() != 7 && digits * 2 > rest.len()
}
