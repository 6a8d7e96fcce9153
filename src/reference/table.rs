//! One table of the bundle as rows of named cells; every cell that is wrong becomes a `Problem`, none stops the reading.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

use crate::domain::{Country, Date, FamilyId, HsSubheading};

/// A cell, a row or a table of the bundle that breaks a rule.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub struct Problem {
    /// The file.
    pub file: String,
    /// The row as a spreadsheet counts it, the header being row 1; 0 for the whole table.
    pub row: usize,
    /// The column; empty where the row as such is wrong.
    pub column: String,
    /// What stands there.
    pub value: String,
    /// What is wrong with it and what is allowed.
    pub rule: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if self.row > 0 {
            write!(f, " row {}", self.row)?;
        }
        if !self.column.is_empty() {
            write!(f, ": {}", self.column)?;
        }
        if self.row == 0 {
            return write!(f, ": {}; correct the table", self.rule);
        }
        write!(f, ": {:?} {}; correct the row", self.value, self.rule)
    }
}

/// When each row of a bundle's tables became known, by `table/id`; rows without a day hold at all times.
pub fn known_days(tables: &BTreeMap<String, String>) -> BTreeMap<String, Date> {
    #[derive(serde::Deserialize)]
    struct Row {
        id: String,
        known_from: String,
    }
    let mut known = BTreeMap::new();
    for (file, text) in tables {
        let Some(table) = file.strip_suffix(".csv") else { continue };
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        let rows = reader.deserialize::<Row>().filter_map(Result::ok);
        known.extend(rows.filter_map(|row| Some((format!("{table}/{}", row.id), row.known_from.parse().ok()?))));
    }
    known
}

/// The families that other tables may name.
pub(super) type KnownFamilies = BTreeSet<FamilyId>;

/// Collects what is wrong while tables are read.
#[derive(Debug, Default)]
pub(super) struct Problems(pub(super) Vec<Problem>);

impl Problems {
    /// Notes that a whole table is wrong.
    pub(super) fn table(&mut self, file: &str, rule: String) {
        self.0.push(Problem { file: file.to_owned(), row: 0, column: String::new(), value: String::new(), rule });
    }
}

/// A row of a table.
#[derive(Debug)]
pub(super) struct Row {
    file: &'static str,
    number: usize,
    cells: BTreeMap<&'static str, String>,
}

impl Row {
    /// The cell without surrounding blanks.
    pub(super) fn text(&self, column: &str) -> &str {
        self.cells.get(column).map(|cell| cell.trim()).unwrap_or_default()
    }

    /// The row as evidence names it: `controls/CN-2024-46`.
    pub(super) fn name(&self) -> String {
        format!("{}/{}", self.file.trim_end_matches(".csv"), self.text("id"))
    }

    /// Whether the row may weigh: what is recalled, or of low certainty, is no evidence.
    pub(super) fn weighs(&self) -> bool {
        self.text("confidence") != "recalled" && self.text("certainty") != "low"
    }

    /// Notes that the cell breaks a rule.
    pub(super) fn wrong(&self, column: &str, rule: &str, problems: &mut Problems) {
        problems.0.push(Problem {
            file: self.file.to_owned(),
            row: self.number,
            column: column.to_owned(),
            value: self.text(column).to_owned(),
            rule: rule.to_owned(),
        });
    }

    /// Nobody knows a thing before it is there: what a cell says to have been known on a day lies no later than that day.
    pub(super) fn known_after(
        &self,
        (column, known_from): (&str, Option<Date>),
        (what, first): (&str, Option<Date>),
        problems: &mut Problems,
    ) {
        if let Some((_, first)) = known_from.zip(first).filter(|(known_from, first)| known_from < first) {
            self.wrong(column, &format!("lies before {what} ({first}), when nobody could know it"), problems);
        }
    }

    /// Notes the cells that say more of something which the first does not say.
    pub(super) fn more_of(&self, first: &str, more: &[&str], problems: &mut Problems) {
        for column in more.iter().filter(|column| self.text(first).is_empty() && !self.text(column).is_empty()) {
            self.wrong(column, &format!("stands beside an empty {first}"), problems);
        }
    }

    /// Notes the cells of several that are empty where others are not.
    pub(super) fn all_or_none(&self, columns: &[&str], rule: &str, problems: &mut Problems) {
        let empty = columns.iter().filter(|column| self.text(column).is_empty());
        if (1..columns.len()).contains(&empty.clone().count()) {
            empty.for_each(|column| self.wrong(column, rule, problems));
        }
    }

    /// Notes a problem where an earlier row says the same.
    pub(super) fn once(&self, is_first: bool, column: &str, of: &str, problems: &mut Problems) {
        if !is_first {
            self.wrong(column, &format!("has {of} on an earlier row too"), problems);
        }
    }

    /// A year.
    pub(super) fn year(&self, column: &str, problems: &mut Problems) -> Option<i16> {
        let year = self.text(column).parse().ok().filter(|year| (1000..=9999).contains(year));
        if year.is_none() {
            self.wrong(column, "is no year (four digits)", problems);
        }
        year
    }

    /// Notes a problem where a figure of a year was known before that year was over.
    pub(super) fn known_after_year(&self, known_from: Option<Date>, year: Option<i16>, problems: &mut Problems) {
        let over = year.and_then(|year| Date::new(year.saturating_add(1), 1, 1).ok());
        self.known_after(("known_from", known_from), ("its year was over", over), problems);
    }

    /// The cell as a value; `None`, and a problem, where it is none.
    pub(super) fn required<T: FromStr>(&self, column: &str, rule: &str, problems: &mut Problems) -> Option<T> {
        let value = self.text(column).parse().ok();
        if value.is_none() {
            self.wrong(column, rule, problems);
        }
        value
    }

    /// As `required`, but an empty cell is no problem.
    pub(super) fn optional<T: FromStr>(&self, column: &str, rule: &str, problems: &mut Problems) -> Option<T> {
        if self.text(column).is_empty() { None } else { self.required(column, rule, problems) }
    }

    /// A date that must stand there.
    pub(super) fn date(&self, column: &str, problems: &mut Problems) -> Option<Date> {
        let rule = if self.text(column).is_empty() { "is missing (YYYY-MM-DD)" } else { "is no date (YYYY-MM-DD)" };
        self.required(column, rule, problems)
    }

    /// A date that may be open.
    pub(super) fn open_date(&self, column: &str, problems: &mut Problems) -> Option<Date> {
        self.optional(column, "is no date (YYYY-MM-DD)", problems)
    }

    /// A finite number of zero or more.
    pub(super) fn amount(&self, column: &str, problems: &mut Problems) -> Option<f64> {
        let value: Option<f64> = self.text(column).parse().ok().filter(|number: &f64| number.is_finite() && *number >= 0.0);
        if value.is_none() {
            self.wrong(column, "is no number of zero or more", problems);
        }
        value
    }

    /// As `amount`; an empty cell is unknown.
    pub(super) fn open_amount(&self, column: &str, problems: &mut Problems) -> Option<f64> {
        if self.text(column).is_empty() { None } else { self.amount(column, problems) }
    }

    /// `Y` or `N`.
    pub(super) fn flag(&self, column: &str, problems: &mut Problems) -> bool {
        let text = self.text(column);
        if !matches!(text, "Y" | "N") {
            self.wrong(column, "is no flag (Y or N)", problems);
        }
        text == "Y"
    }

    /// A country by its ISO 3166-1 alpha-2 code.
    pub(super) fn country(&self, column: &str, problems: &mut Problems) -> Option<Country> {
        self.required(column, "is no country (ISO 3166-1 alpha-2 in capitals, EU or XX)", problems)
    }

    /// A family of families.csv.
    pub(super) fn family(&self, column: &str, known: &KnownFamilies, problems: &mut Problems) -> Option<FamilyId> {
        let family = self.text(column).parse().ok().filter(|family| known.contains(family));
        if family.is_none() {
            self.wrong(column, "is no family of families.csv", problems);
        }
        family
    }

    /// A six-digit subheading.
    pub(super) fn subheading(&self, column: &str, problems: &mut Problems) -> Option<HsSubheading> {
        let code = subheading(self.text(column));
        if code.is_none() {
            self.wrong(column, "is no subheading (six digits, chapters 01 to 97)", problems);
        }
        code
    }

    /// Subheadings with `;` between them; empty is none.
    pub(super) fn subheadings(&self, column: &str, problems: &mut Problems) -> Vec<HsSubheading> {
        let parts = self.list(column);
        let codes: Vec<HsSubheading> = parts.iter().filter_map(|part| subheading(part)).collect();
        if codes.len() != parts.len() {
            self.wrong(
                column,
                "holds something other than subheadings (six digits, chapters 01 to 97, ; between them)",
                problems,
            );
        }
        codes
    }

    /// Countries with `;` between them; `None` for `ALL`.
    pub(super) fn countries(&self, column: &str, problems: &mut Problems) -> Option<BTreeSet<Country>> {
        if self.text(column) == "ALL" {
            return None;
        }
        let parts = self.list(column);
        let countries: BTreeSet<Country> = parts.iter().filter_map(|part| part.parse().ok()).collect();
        if countries.is_empty() || countries.len() != parts.len() {
            self.wrong(column, "holds something other than countries (ALL, or ISO 3166-1 alpha-2 with ; between them)", problems);
        }
        Some(countries)
    }

    /// The parts of a cell between `;`.
    pub(super) fn list(&self, column: &str) -> Vec<&str> {
        self.text(column).split(';').map(str::trim).filter(|part| !part.is_empty()).collect()
    }

    /// Notes a problem where `from` does not lie before `to`.
    pub(super) fn ordered(&self, from: (&str, Option<Date>), to: (&str, Option<Date>), problems: &mut Problems) {
        if let (Some(first), Some(last)) = (from.1, to.1)
            && first >= last
        {
            self.wrong(to.0, &format!("is not after {} {first}", from.0), problems);
        }
    }
}

/// Exactly six digits, in a chapter that countries agree on.
pub(super) fn subheading(text: &str) -> Option<HsSubheading> {
    let code: HsSubheading =
        if text.len() == 6 && text.bytes().all(|byte| byte.is_ascii_digit()) { text.parse().ok()? } else { return None };
    (1..=97).contains(&(code.heading() / 100)).then_some(code)
}

/// The rows of a table whose columns are exactly those given (`id` first); a table that is missing or unreadable is a problem.
pub(super) fn rows(
    files: &BTreeMap<String, String>,
    file: &'static str,
    columns: &[&'static str],
    problems: &mut Problems,
) -> Vec<Row> {
    let Some(content) = files.get(file) else {
        problems.table(file, "the table is missing".to_owned());
        return Vec::new();
    };
    let mut reader = csv::ReaderBuilder::new().from_reader(content.trim_start_matches('\u{feff}').as_bytes());
    let header: Vec<String> = match reader.headers() {
        Ok(header) => header.iter().map(str::to_owned).collect(),
        Err(error) => {
            problems.table(file, format!("the header cannot be read ({error})"));
            return Vec::new();
        }
    };
    if header != columns {
        problems.table(file, format!("the columns are {} and must be {}", header.join(","), columns.join(",")));
        return Vec::new();
    }
    let mut ids = BTreeSet::new();
    let mut rows = Vec::new();
    for (index, record) in reader.records().enumerate() {
        let number = index + 2;
        let Ok(record) = record else {
            let row = Row { file, number, cells: BTreeMap::new() };
            row.wrong("", &format!("has another number of cells than the header ({})", columns.len()), problems);
            continue;
        };
        let cells = columns.iter().copied().zip(record.iter().map(str::to_owned)).collect();
        let row = Row { file, number, cells };
        if row.text("id").is_empty() {
            row.wrong("id", "is missing", problems);
        } else if !ids.insert(row.text("id").to_owned()) {
            row.wrong("id", "stands on an earlier row too", problems);
        }
        one_of(&row, "confidence", &["found", "computed", "recalled"], problems);
        one_of(&row, "certainty", &["high", "medium", "low"], problems);
        rows.push(row);
    }
    rows
}

fn one_of(row: &Row, column: &str, allowed: &[&str], problems: &mut Problems) {
    if row.cells.contains_key(column) && !allowed.contains(&row.text(column)) {
        row.wrong(column, &format!("is not one of {}", allowed.join(", ")), problems);
    }
}
