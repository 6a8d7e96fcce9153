//! Months in the names of columns: a row holds a record for each of them, which a pivot takes apart. The draft only says so.

use std::collections::BTreeMap;

use regex::Regex;

use super::table::Source;
use super::text::{list, quoted};

/// So many names that differ in their month alone are no accident.
const FEWEST: usize = 3;
/// A month by its English name or as year and month, alone between other signs.
const MONTH: &str = r"(?i)(?:^|[^a-z0-9])(jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?|(?:19|20)[0-9]{2}[-_./]?(?:0[1-9]|1[0-2]))(?:[^a-z0-9]|$)";

/// What to do with columns whose names differ in a month alone; `None` where there are none.
pub(super) fn hint(columns: &[Source]) -> Option<String> {
    let month = Regex::new(MONTH).expect("the pattern is ours, and a test reads it");
    let mut by_rest: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for name in columns.iter().filter_map(|column| if let Source::Name(name) = column { Some(name) } else { None }) {
        let Some(found) = month.captures(name).and_then(|captures| captures.get(1)) else { continue };
        let (before, after) = (name.get(..found.start())?, name.get(found.end()..)?);
        by_rest.entry(format!("{before}{{}}{after}")).or_default().push(found.as_str());
    }
    let over = by_rest.values().max_by_key(|texts| texts.len()).filter(|texts| texts.len() >= FEWEST)?.clone();
    let names = by_rest.iter().filter(|(_, texts)| **texts == over).map(|(rest, _)| rest);
    let pivot: Vec<String> = names.zip('a'..='z').map(|(rest, name)| format!("{name} = {}", quoted(rest))).collect();
    let (pivot, over) = (pivot.join(", "), list(over));
    let period = "period = { concat = [YEAR, { part = true }], separator = \"-\", formats = [\"%Y-%b\"] }";
    Some(format!(
        "months stand in the names of columns, so a row holds a record for each: [[explode]] with pivot = {{ {pivot} }} and over = {over}; \
         then fields read {{ pivot = \"a\" }}, and {period} or the like"
    ))
}

#[cfg(test)]
mod tests {
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
    fn two_dates_and_words_that_begin_like_months_are_none() {
        for names in [
            &["Jan", "Feb"][..],
            &["Market", "Decision", "Mayor", "Octane"],
            &["Month", "Value"],
            &["Opening Jan", "Mid Feb", "End Mar"],
        ] {
            assert_eq!(hinted(names), None, "{names:?}");
        }
    }
}
