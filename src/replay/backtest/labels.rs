//! What is known of the past: cases with their corridors, periods and findings, each with the day on which it became known. The form is that
//! of a table of cases (`case_id, family_id, hs6, intermediary, destination, period_start, period_end, label, known_from`, other columns
//! are the user's). A case may stand there again with a later date: a finding that was reversed.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use crate::domain::{CorridorId, Country, Date, FamilyId, HsSubheading, Month, Period};

/// A finding, as it stands in a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    /// The row, counted from 1 with the header.
    pub row: u64,
    /// Names the case.
    pub case: String,
    /// Families named, or those of its codes: a verdict of any of them speaks of it.
    pub families: Vec<FamilyId>,
    /// M, each by itself.
    pub intermediaries: Vec<Country>,
    /// D, each by itself.
    pub destinations: Vec<Country>,
    /// First and last month.
    pub months: (Month, Month),
    /// Whether it was rerouting; absent where nothing was found, or it was found undefined.
    pub is_rerouting: Option<bool>,
    /// When that became known.
    pub known_from: Date,
}

/// What of a row names no corridor: all of it (prose, a firm alone, an open destination), which scores nothing, or a part, without which it
/// is scored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unusable {
    /// The row.
    pub row: u64,
    /// The case.
    pub case: String,
    /// What is missing or unknown.
    pub why: String,
}

/// A table of labels that cannot be used. Whoever read it knows what its file is called.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LabelError {
    /// Its first row is no header of such a table.
    #[error(
        "row 1: {0}; a table of labels begins with a header, which names its columns with commas between them: case_id, family_id or hs6, \
         intermediary, destination, period_start, period_end, label, known_from, and any others"
    )]
    Header(String),
    /// A row is no row of the table.
    #[error("row {row}: {why}")]
    Cells {
        /// The row.
        row: u64,
        /// What is wrong.
        why: String,
    },
    /// A cell is wrong.
    #[error("row {row} ({case}), {column}: {why}")]
    Cell {
        /// The row.
        row: u64,
        /// The case.
        case: String,
        /// The column.
        column: &'static str,
        /// What is wrong.
        why: String,
    },
    /// Two findings of which one is wrong: nothing tells which counts.
    #[error(
        "rows {earlier} and {row} ({case}), label: one says {said}, the other {unsaid}, of the same corridor-months ({shared}), and both \
         became known on {known_from}; of a finding that was reversed the later one has a later known_from"
    )]
    Contradiction {
        /// The first of the two rows.
        earlier: u64,
        /// The second.
        row: u64,
        /// The case.
        case: String,
        /// What the first says.
        said: &'static str,
        /// What the second says.
        unsaid: &'static str,
        /// A corridor-month of which both speak.
        shared: String,
        /// When both became known.
        known_from: Date,
    },
    /// A finding that nobody knew on the day of the decision.
    #[error(
        "row {row} ({case}), known_from: {known_from} is after the decision of {decided}: nobody could know it; leave the row out, or end the \
         backtest later"
    )]
    LookAhead {
        /// The row.
        row: u64,
        /// The case.
        case: String,
        /// When it became known.
        known_from: Date,
        /// The day of the decision.
        decided: Date,
    },
}

/// All rows of a table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Labels {
    /// Those that name a corridor, in the order of their rows.
    pub rows: Vec<Label>,
    /// Rows that do not, and parts of rows, likewise.
    pub unusable: Vec<Unusable>,
}

/// What was known on a day.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KnownLabels<'a> {
    /// Of each case what became known last.
    pub counting: Vec<&'a Label>,
    /// What that replaces, and the day on which it did; of rows that say the same all but the first.
    pub replaced: Vec<(&'a Label, Date)>,
}

#[derive(Deserialize)]
struct Row {
    case_id: String,
    #[serde(default)]
    family_id: String,
    #[serde(default)]
    hs6: String,
    #[serde(default)]
    origin: String,
    intermediary: String,
    destination: String,
    period_start: String,
    period_end: String,
    label: String,
    known_from: String,
}

/// Columns of which a table needs each.
const NEEDED: [&str; 7] = ["case_id", "intermediary", "destination", "period_start", "period_end", "label", "known_from"];
/// Columns of which it needs one.
const GOODS: [&str; 2] = ["family_id", "hs6"];

/// Says in which families the goods of a code are counted, and which names are families.
type Families<'a> = (&'a dyn Fn(HsSubheading) -> FamilyId, &'a dyn Fn(FamilyId) -> bool);

impl Labels {
    /// Reads a table.
    ///
    /// # Errors
    ///
    /// [`LabelError::Header`] where columns are missing, [`LabelError::Cell`] for a label, a date or a period that is none,
    /// [`LabelError::Contradiction`] for two findings of one day.
    pub fn read(text: &str, families: Families<'_>) -> Result<Labels, LabelError> {
        let mut labels = Labels::default();
        let mut reader =
            csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(text.trim_start_matches('\u{feff}').as_bytes());
        let header = reader.headers().map_err(|error| LabelError::Header(error.to_string()))?.clone();
        refuse_header(&header)?;
        for (index, cells) in reader.records().enumerate() {
            let row = index as u64 + 2;
            let cells = cells.map_err(|error| LabelError::Cells { row, why: ragged(&error) })?;
            let cells = cells.deserialize(Some(&header)).map_err(|error| LabelError::Cells { row, why: error.to_string() })?;
            labels.take(row, cells, families)?;
        }
        labels.refuse_contradictions()?;
        Ok(labels)
    }

    fn take(&mut self, row: u64, cells: Row, families: Families<'_>) -> Result<(), LabelError> {
        let case = cells.case_id.clone();
        let wrong = |(column, why): (&'static str, String)| LabelError::Cell { row, case: case.clone(), column, why };
        if case.is_empty() {
            return Err(wrong(("case_id", "is empty; it names the case".to_owned())));
        }
        let is_rerouting = match cells.label.as_str() {
            "1" => Some(true),
            "0" => Some(false),
            "" => None,
            other => return Err(wrong(("label", format!("{other:?} is neither 1 (rerouting), 0 (none) nor empty (undefined)")))),
        };
        let known_from = last_day(&cells.known_from).ok_or_else(|| {
            let why =
                format!("{:?} is no day, month or year on which the finding became known, such as 2025-07-09", cells.known_from);
            wrong(("known_from", why))
        })?;
        let mut unknown = Vec::new();
        match corridors(&cells, families, &mut unknown) {
            Ok((families, intermediaries, destinations)) => {
                let months = months(&cells).map_err(wrong)?;
                let why = |part| format!("{part}; the row is scored without it");
                self.unusable.extend(unknown.into_iter().map(|part| Unusable { row, case: case.clone(), why: why(part) }));
                let label = Label { row, case, families, intermediaries, destinations, months, is_rerouting, known_from };
                self.rows.push(label);
            }
            Err(why) => self.unusable.push(Unusable { row, case, why }),
        }
        Ok(())
    }

    /// Two findings of a case that became known on one day and speak of one corridor-month are the same finding, or one of them is wrong.
    fn refuse_contradictions(&self) -> Result<(), LabelError> {
        let mut told: BTreeMap<(&str, Date), Vec<&Label>> = BTreeMap::new();
        for label in &self.rows {
            let earlier = told.entry((&label.case, label.known_from)).or_default();
            let against = earlier.iter().filter(|other| other.is_rerouting != label.is_rerouting);
            if let Some((other, shared)) = against.filter_map(|other| Some((other, other.shares(label)?))).next() {
                return Err(LabelError::Contradiction {
                    earlier: other.row,
                    row: label.row,
                    case: label.case.clone(),
                    said: said(other.is_rerouting),
                    unsaid: said(label.is_rerouting),
                    shared,
                    known_from: label.known_from,
                });
            }
            earlier.push(label);
        }
        Ok(())
    }

    /// What was known on a day. The case's name decides: of its rows those that became known last are its finding, whatever corridors and
    /// period an earlier one gave.
    ///
    /// # Errors
    ///
    /// [`LabelError::LookAhead`], for the first row that became known later.
    pub fn as_of(&self, decided: Date) -> Result<KnownLabels<'_>, LabelError> {
        let mut last: BTreeMap<&str, Date> = BTreeMap::new();
        for label in &self.rows {
            if label.known_from > decided {
                let Label { row, known_from, .. } = *label;
                return Err(LabelError::LookAhead { row, case: label.case.clone(), known_from, decided });
            }
            let known = last.entry(&label.case).or_insert(label.known_from);
            *known = label.known_from.max(*known);
        }
        let (mut labels, mut told) = (KnownLabels::default(), BTreeSet::new());
        for label in &self.rows {
            let last = last.get(label.case.as_str()).copied().unwrap_or(label.known_from);
            let says = (&label.case, &label.families, &label.intermediaries, &label.destinations, label.months);
            if label.known_from == last && told.insert(says) {
                labels.counting.push(label);
            } else {
                labels.replaced.push((label, last));
            }
        }
        Ok(labels)
    }
}

impl Label {
    /// The first corridor-month of which both speak.
    fn shares(&self, other: &Label) -> Option<String> {
        let month = self.months.0.max(other.months.0);
        if month > self.months.1.min(other.months.1) {
            return None;
        }
        let family = self.families.iter().find(|family| other.families.contains(family))?;
        let intermediary = self.intermediaries.iter().find(|country| other.intermediaries.contains(country))?;
        let destination = self.destinations.iter().find(|country| other.destinations.contains(country))?;
        Some(CorridorId { family: *family, intermediary: *intermediary, destination: *destination, month }.to_string())
    }
}

fn said(is_rerouting: Option<bool>) -> &'static str {
    match is_rerouting {
        Some(true) => "1",
        Some(false) => "0",
        None => "nothing",
    }
}

fn refuse_header(header: &csv::StringRecord) -> Result<(), LabelError> {
    let times = |name: &str| header.iter().filter(|column| *column == name).count();
    let mut lacks: Vec<&str> = NEEDED.into_iter().filter(|name| times(name) == 0).collect();
    if GOODS.iter().all(|name| times(name) == 0) {
        lacks.push("family_id or hs6");
    }
    let twice = NEEDED.into_iter().chain(GOODS).find(|name| times(name) > 1);
    if header.iter().all(str::is_empty) {
        return Err(LabelError::Header("the table is empty".to_owned()));
    }
    if !lacks.is_empty() {
        let holds: Vec<String> = header.iter().take(12).map(|column| format!("{column:?}")).collect();
        return Err(LabelError::Header(format!("holds {}, and lacks {}", holds.join(", "), lacks.join(", "))));
    }
    twice.map_or(Ok(()), |name| Err(LabelError::Header(format!("names the column {name} twice"))))
}

/// What a reader says of a row that is none, in words of the table.
fn ragged(error: &csv::Error) -> String {
    match error.kind() {
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            format!(
                "has {len} cells, and the header names {expected_len} columns; a cell that holds a comma stands in double quotes"
            )
        }
        _ => error.to_string(),
    }
}

/// Where a case lies.
type Corridors = (Vec<FamilyId>, Vec<Country>, Vec<Country>);

/// Where a case lies, or why it lies nowhere; what is `unknown` of it goes into a list.
fn corridors(cells: &Row, (home, is_family): Families<'_>, unknown: &mut Vec<String>) -> Result<Corridors, String> {
    let mut families = Vec::new();
    for name in parts(&cells.family_id) {
        match family(name, is_family) {
            Some(family) => families.push(family),
            None => unknown.push(format!("family_id {name:?} is no family of the bundle")),
        }
    }
    for code in parts(&cells.hs6) {
        match goods(code, home) {
            Some(family) => families.push(family),
            None => unknown.push(format!("hs6 {code:?} is no code of six digits or more, nor a heading of four")),
        }
    }
    families.sort_unstable();
    families.dedup();
    if families.is_empty() {
        return Err(format!("neither family_id {:?} nor hs6 {:?} names goods", cells.family_id, cells.hs6));
    }
    let mut countries = |text: &str, name: &str| {
        let mut known = Vec::new();
        for code in parts(text) {
            match code.parse().ok().filter(|country: &Country| country.is_known()) {
                Some(country) => known.push(country),
                None => unknown.push(format!("{name} {code:?} is no country")),
            }
        }
        if known.is_empty() { Err(format!("{name} {text:?} is no country")) } else { Ok(known) }
    };
    // Goods that are made where they come from pass through nobody: a remark stands there, in brackets.
    let is_remark = cells.intermediary.trim().starts_with('(') && cells.intermediary.trim().ends_with(')');
    let (column, name) = if is_remark { (&cells.origin, "origin") } else { (&cells.intermediary, "intermediary") };
    let intermediaries = countries(column, name)?;
    Ok((families, intermediaries, countries(&cells.destination, "destination")?))
}

/// The family of that name: of a material, the basket of a code (`H811292`) or a heading (`H4412`).
fn family(name: &str, is_family: &dyn Fn(FamilyId) -> bool) -> Option<FamilyId> {
    let is_there = |family: &FamilyId| !family.is_material() || is_family(*family);
    let found = name.parse().ok().filter(is_there);
    // A table of materials names parts of the rare earths (`REE_HEAVY`), which verdicts know as one.
    found.or_else(|| name.strip_prefix("REE_").and_then(|_| "REE".parse().ok()).filter(is_there))
}

/// The family of a code; a heading is a family of its own.
fn goods(code: &str, home: &dyn Fn(HsSubheading) -> FamilyId) -> Option<FamilyId> {
    if code.len() == 4 && code.bytes().all(|byte| byte.is_ascii_digit()) {
        return format!("H{code}").parse().ok();
    }
    code.parse().ok().map(home)
}

/// The first and the last month, or the column that holds none.
fn months(cells: &Row) -> Result<(Month, Month), (&'static str, String)> {
    let period = |text: &str, column| {
        let of_day = text.parse::<Date>().ok().map(|day| (Month::of(day), Month::of(day)));
        let of_period = || text.parse::<Period>().ok().map(|period| (period.first(), period.last()));
        of_day.or_else(of_period).ok_or_else(|| (column, format!("{text:?} is no year, month or day")))
    };
    let (start, end) = (&cells.period_start, &cells.period_end);
    let months = (period(start, "period_start")?.0, period(end, "period_end")?.1);
    if months.0 > months.1 {
        return Err(("period_end", format!("{end:?} lies before period_start, {start:?}")));
    }
    Ok(months)
}

fn parts(text: &str) -> impl Iterator<Item = &str> {
    text.split(';').map(str::trim).filter(|part| !part.is_empty())
}

/// A day; of a month or a year its last one: nobody can be shown to have known it before.
fn last_day(text: &str) -> Option<Date> {
    text.parse::<Date>().ok().or_else(|| Some(text.parse::<Period>().ok()?.last().last_day()))
}

#[cfg(test)]
#[path = "labels_tests.rs"]
mod tests;
