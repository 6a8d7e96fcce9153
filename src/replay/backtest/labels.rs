//! What is known of the past: cases with their corridors, periods and findings, each with the day on which it became known. The form is that
//! of a table of cases (`case_id, family_id, hs6, intermediary, destination, period_start, period_end, label, known_from`, other columns
//! are the user's). A case may stand there again with a later date: a finding that was reversed.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::domain::{Country, Date, FamilyId, HsSubheading, Month, Period};

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

/// A row that names no corridor: prose, a firm alone, an open destination. It is counted, and scores nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unusable {
    /// The row.
    pub row: u64,
    /// The case.
    pub case: String,
    /// What is missing.
    pub why: String,
}

/// A table of labels that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LabelError {
    /// It is no such table.
    #[error("labels: {0}")]
    NoTable(String),
    /// A row is wrong.
    #[error("labels, row {row} ({case}): {why}")]
    Row {
        /// The row.
        row: u64,
        /// The case.
        case: String,
        /// What is wrong.
        why: String,
    },
    /// A finding that nobody knew on the day of the decision.
    #[error(
        "labels, row {row} ({case}): known from {known_from}, after the decision of {decided}: nobody could know it; leave the row out, or \
         end the backtest later"
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
    /// Those that do not.
    pub unusable: Vec<Unusable>,
}

#[derive(Deserialize)]
struct Row {
    case_id: String,
    #[serde(default)]
    family_id: String,
    #[serde(default)]
    hs6: String,
    intermediary: String,
    destination: String,
    period_start: String,
    period_end: String,
    label: String,
    known_from: String,
}

impl Labels {
    /// Reads a table. `homes` says in which families the goods of a code are counted, `is_family` which names are families.
    ///
    /// # Errors
    ///
    /// [`LabelError::NoTable`] where columns are missing, [`LabelError::Row`] for a label, a date or a period that is none.
    pub fn read(
        text: &str,
        homes: &dyn Fn(HsSubheading) -> FamilyId,
        is_family: &dyn Fn(FamilyId) -> bool,
    ) -> Result<Labels, LabelError> {
        let mut labels = Labels::default();
        let mut reader =
            csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(text.trim_start_matches('\u{feff}').as_bytes());
        for (index, row) in reader.deserialize::<Row>().enumerate() {
            let row = row.map_err(|error| LabelError::NoTable(error.to_string()))?;
            let number = index as u64 + 2;
            let wrong = |why: String| LabelError::Row { row: number, case: row.case_id.clone(), why };
            let is_rerouting = match row.label.as_str() {
                "1" => Some(true),
                "0" => Some(false),
                "" => None,
                other => return Err(wrong(format!("label {other:?} is neither 1, 0 nor empty"))),
            };
            let known_from =
                last_day(&row.known_from).ok_or_else(|| wrong(format!("known_from {:?} is no date", row.known_from)))?;
            match corridor(&row, homes, is_family).map_err(wrong)? {
                Ok((families, intermediaries, destinations, months)) => labels.rows.push(Label {
                    row: number,
                    case: row.case_id,
                    families,
                    intermediaries,
                    destinations,
                    months,
                    is_rerouting,
                    known_from,
                }),
                Err(why) => labels.unusable.push(Unusable { row: number, case: row.case_id, why }),
            }
        }
        Ok(labels)
    }

    /// What was known on a day: of each case the finding that became known last.
    ///
    /// # Errors
    ///
    /// [`LabelError::LookAhead`], for the first row that became known later.
    pub fn as_of(&self, decided: Date) -> Result<Vec<&Label>, LabelError> {
        // A case of several corridors or periods has a row for each.
        let mut last: BTreeMap<_, &Label> = BTreeMap::new();
        for label in &self.rows {
            if label.known_from > decided {
                let Label { row, known_from, .. } = *label;
                return Err(LabelError::LookAhead { row, case: label.case.clone(), known_from, decided });
            }
            let of = (&label.case, &label.families, &label.intermediaries, &label.destinations, label.months);
            let known = last.entry(of).or_insert(label);
            if label.known_from >= known.known_from {
                *known = label;
            }
        }
        let mut labels: Vec<&Label> = last.into_values().collect();
        labels.sort_by_key(|label| label.row);
        Ok(labels)
    }
}

/// Where a case lies.
type Corridor = (Vec<FamilyId>, Vec<Country>, Vec<Country>, (Month, Month));

/// Where a case lies, or why it lies nowhere; an error where its period is none.
fn corridor(
    row: &Row,
    homes: &dyn Fn(HsSubheading) -> FamilyId,
    is_family: &dyn Fn(FamilyId) -> bool,
) -> Result<Result<Corridor, String>, String> {
    let mut families: Vec<FamilyId> =
        parts(&row.family_id).filter_map(|name| name.parse().ok()).filter(|id| is_family(*id)).collect();
    for code in parts(&row.hs6) {
        match (code.parse::<HsSubheading>(), code.len()) {
            (Ok(code), _) => families.push(homes(code)),
            // A heading is a family of its own.
            (Err(_), 4) => families.extend(format!("H{code}").parse::<FamilyId>()),
            _ => {}
        }
    }
    families.sort_unstable();
    families.dedup();
    if families.is_empty() {
        return Ok(Err(format!("neither family_id {:?} nor hs6 {:?} names goods", row.family_id, row.hs6)));
    }
    let countries = |text: &str, name: &str| {
        let known = parts(text).filter_map(|code| code.parse().ok()).filter(|country: &Country| country.is_known());
        let countries: Vec<Country> = known.collect();
        if countries.is_empty() { Err(format!("{name} {text:?} is no country")) } else { Ok(countries) }
    };
    let sides = (countries(&row.intermediary, "intermediary"), countries(&row.destination, "destination"));
    let (intermediaries, destinations) = match sides {
        (Ok(intermediaries), Ok(destinations)) => (intermediaries, destinations),
        (Err(why), _) | (_, Err(why)) => return Ok(Err(why)),
    };
    let month = |text: &str, name: &str, last: bool| {
        let period: Period =
            text.get(..7).unwrap_or(text).parse().map_err(|_| format!("{name} {text:?} is no year, month or day"))?;
        Ok::<Month, String>(if last { period.last() } else { period.first() })
    };
    let months = (month(&row.period_start, "period_start", false)?, month(&row.period_end, "period_end", true)?);
    if months.0 > months.1 {
        return Err(format!("its period ends ({}) before it begins ({})", row.period_end, row.period_start));
    }
    Ok(Ok((families, intermediaries, destinations, months)))
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
