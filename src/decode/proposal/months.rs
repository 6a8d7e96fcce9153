//! Months, quarters or years in the names of columns: a row holds a record for each of them, which a pivot takes apart. The draft only says so.

use std::collections::BTreeMap;

use regex::Regex;

use super::table::Source;
use super::text::{list, quoted};

/// So many names that differ in their time alone are no accident.
const FEWEST: usize = 3;
/// Fewer are none either where several figures stand there for each.
const FEWEST_OF_SEVERAL: usize = 2;
/// A month by its English name or as year and month, alone between other signs.
const MONTH: &str = r"(?i)(?:^|[^a-z0-9])(jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?|(?:19|20)[0-9]{2}[-_./M]?(?:0[1-9]|1[0-2]))(?:[^a-z0-9]|$)";
/// A year, with its quarter where there is one.
const YEAR: &str = r"(?i)(?:^|[^a-z0-9])((?:19|20)[0-9]{2}(?:[-_./ ]?Q[1-4])?)(?:[^a-z0-9]|$)";

/// Columns whose names differ in a time alone.
pub(super) struct Spread {
    /// The names, with `{}` in place of the time.
    names: Vec<String>,
    /// The times, in the order of the columns.
    over: Vec<String>,
    /// Where the columns stand.
    pub(super) columns: Vec<usize>,
}

/// Finds them; months before years, since a year may stand beside a month.
pub(super) fn spread(columns: &[Source]) -> Option<Spread> {
    [MONTH, YEAR].into_iter().find_map(|pattern| differing(columns, pattern))
}

fn differing(columns: &[Source], pattern: &str) -> Option<Spread> {
    let time = Regex::new(pattern).expect("the pattern is ours, and a test reads it");
    let mut by_rest: BTreeMap<String, (Vec<String>, Vec<usize>)> = BTreeMap::new();
    for (at, column) in columns.iter().enumerate() {
        let Source::Name(name) = column else { continue };
        let Some(found) = time.captures(name).and_then(|captures| captures.get(1)) else { continue };
        let (before, after) = (name.get(..found.start())?, name.get(found.end()..)?);
        let (times, places) = by_rest.entry(format!("{before}{{}}{after}")).or_default();
        times.push(found.as_str().to_owned());
        places.push(at);
    }
    let over = by_rest.values().map(|(times, _)| times).max_by_key(|times| times.len())?.clone();
    let alike: Vec<_> = by_rest.into_iter().filter(|(_, (times, _))| *times == over).collect();
    let fewest = if alike.len() > 1 { FEWEST_OF_SEVERAL } else { FEWEST };
    let columns = alike.iter().flat_map(|(_, (_, places))| places.clone()).collect();
    let names = alike.into_iter().map(|(rest, _)| rest).collect();
    (over.len() >= fewest).then_some(Spread { names, over, columns })
}

/// What to do with columns whose names differ in a time alone; `None` where there are none.
pub(super) fn hint(columns: &[Source]) -> Option<String> {
    let Spread { names, over, .. } = spread(columns)?;
    let period = period(over.first()?);
    let pivot: Vec<String> = names.iter().zip('a'..='z').map(|(rest, name)| format!("{name} = {}", quoted(rest))).collect();
    let (pivot, over) = (pivot.join(", "), list(over.iter().map(String::as_str)));
    Some(format!(
        "months, quarters or years stand in the names of columns, so a row holds a record for each: [[explode]] with \
         pivot = {{ {pivot} }} and over = {over}; then fields read {{ pivot = \"a\" }}, and {period} or the like"
    ))
}

/// How a period is read from the text of a part, by the form of the first.
fn period(text: &str) -> String {
    let part = "{ part = true";
    if text.parse::<f64>().is_err() && !text.starts_with(|sign: char| sign.is_ascii_digit()) {
        let form = if text.len() > 3 { "%B" } else { "%b" };
        return format!("period = {{ concat = [YEAR, {part} }}], separator = \"-\", formats = [\"%Y-{form}\"] }}");
    }
    let rest = text.get(4..).unwrap_or_default();
    match rest.split_once(['Q', 'q']) {
        Some((between, _)) => {
            let from = rest.get(..=between.len()).unwrap_or_default();
            format!("period = {part}, text = {{ replace = [{}, \"-Q\"] }}, formats = [\"period\"] }}", quoted(from))
        }
        None if rest.is_empty() => format!("period = {part}, formats = [\"%Y\"] }}"),
        None => {
            let between: String = rest.chars().filter(|sign| !sign.is_ascii_digit()).collect();
            format!("period = {part}, formats = [\"%Y{between}%m\"] }}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::draft_of;
    use super::*;

    fn hinted(names: &[&str]) -> Option<String> {
        hint(&names.iter().map(|name| Source::Name((*name).to_owned())).collect::<Vec<_>>())
    }

    #[test]
    fn names_that_differ_in_a_month_alone_are_a_pivot() {
        let hint = hinted(&["Year", "Value-Jan", "Qty-Jan", "Value-Feb", "Qty-Feb", "Value-Mar", "Qty-Mar", "Market"]).unwrap();
        assert!(hint.contains(r#"pivot = { a = "Qty-{}", b = "Value-{}" } and over = ["Jan", "Feb", "Mar"]"#), "{hint}");
        assert!(hinted(&["HS", "JANUARY", "February", "march"]).unwrap().contains(r#"a = "{}" } and over = ["JANUARY","#));
        assert!(hinted(&["2025-01 kg", "2025-02 kg", "2025-03 kg"]).unwrap().contains(r#"a = "{} kg""#));
    }

    #[test]
    fn so_are_other_times_and_each_is_read_by_its_own_form() {
        for (names, period) in [
            (["2025M01", "2025M02", "2025M03"], r#"period = { part = true, formats = ["%YM%m"] }"#),
            (["202501", "202502", "202503"], r#"period = { part = true, formats = ["%Y%m"] }"#),
            (
                ["2025Q1", "2025Q2", "2025Q3"],
                r#"period = { part = true, text = { replace = ["Q", "-Q"] }, formats = ["period"] }"#,
            ),
            (
                ["2025-Q1", "2025-Q2", "2025-Q3"],
                r#"period = { part = true, text = { replace = ["-Q", "-Q"] }, formats = ["period"] }"#,
            ),
            (["2019", "2020", "2021"], r#"period = { part = true, formats = ["%Y"] }"#),
            (
                ["January", "February", "March"],
                r#"period = { concat = [YEAR, { part = true }], separator = "-", formats = ["%Y-%B"] }"#,
            ),
        ] {
            let hint = hinted(&names).unwrap();
            assert!(hint.contains(period), "{hint}");
            let table = format!(
                "HS;Partner;Reporter;Flow;{}\n282580;TH;US;import;1234;1234;77\n282580;VN;US;import;5;6;7\n",
                names.join(";")
            );
            let draft = draft_of("t.csv", table.as_bytes());
            assert!(draft.contains("# Note: months, quarters or years stand in the names of columns"), "{draft}");
            let fields = draft.split("[fields]").nth(1).unwrap();
            assert!(!fields.lines().any(|line| !line.starts_with('#') && line.contains(names[0])), "{fields}");
        }
        // Two times are enough where several figures stand there for each.
        let two = hinted(&["HS Code", "Jan 2025 Qty", "Jan 2025 USD", "Feb 2025 Qty", "Feb 2025 USD"]).unwrap();
        assert!(two.contains(r#"a = "{} 2025 Qty", b = "{} 2025 USD" } and over = ["Jan", "Feb"]"#), "{two}");
    }

    #[test]
    fn two_dates_and_words_that_begin_like_months_are_none() {
        for names in [
            &["Jan", "Feb"][..],
            &["Market", "Decision", "Mayor", "Octane"],
            &["Month", "Value"],
            &["Opening Jan", "Mid Feb", "End Mar"],
            &["HS 2022", "Value"],
        ] {
            assert_eq!(hinted(names), None, "{names:?}");
        }
    }
}
