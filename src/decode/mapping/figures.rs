//! Numbers as feeds print them: grouping, decimal comma, percent, sign in brackets, scale. Exact.

use super::reader::{MappingError, Section};
use super::value::{Source, Value};
use crate::decode::number;
use crate::domain::Decimal;

/// How a column prints numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Figures {
    grouping: Option<char>,
    decimal_comma: bool,
    percent: bool,
    brackets: bool,
    scale: Decimal,
}

impl Figures {
    /// A plain decimal number.
    pub(super) fn plain() -> Figures {
        Figures { grouping: None, decimal_comma: false, percent: false, brackets: false, scale: Decimal::ONE }
    }

    /// From the keys of a sum: how its parts are printed. What comes of it is a plain number.
    pub(super) fn of_parts(section: &Section<'_>) -> Result<Figures, MappingError> {
        let grouping = section.text("grouping")?;
        if grouping.as_ref().is_some_and(|sign| sign.chars().count() != 1) {
            return Err(section.error("grouping", "must be one sign, such as \",\""));
        }
        let (grouping, decimal_comma) = (grouping.and_then(|sign| sign.chars().next()), section.flag("decimal_comma")?);
        match grouping {
            // A point that groups and a point that ends the whole are one sign: `1.512` would be both.
            Some('.') if !decimal_comma => {
                return Err(section.error("grouping", "\".\" is the decimal point here: say decimal_comma = true beside it"));
            }
            Some(',') if decimal_comma => {
                return Err(section.error("grouping", "\",\" is the decimal sign here (decimal_comma = true)"));
            }
            Some(sign) if sign.is_alphanumeric() || matches!(sign, '-' | '+' | '(' | ')' | '%') => {
                return Err(section.error("grouping", format!("{sign:?} is part of numbers, and groups none")));
            }
            _ => {}
        }
        Ok(Figures { grouping, decimal_comma, brackets: section.flag("brackets")?, ..Figures::plain() })
    }

    /// From the keys of a field whose value is a sum.
    pub(super) fn of_sum(section: &Section<'_>) -> Result<Figures, MappingError> {
        Ok(Figures { scale: scale(section)?, ..Figures::plain() })
    }

    /// From the keys beside a value that has a table of its own.
    pub(super) fn beside(section: &Section<'_>, value: &Value) -> Result<Figures, MappingError> {
        let of_parts = ["grouping", "decimal_comma", "percent", "brackets"];
        match of_parts.into_iter().find(|key| matches!(value.source, Source::Sum(..)) && section.has(key)) {
            Some(key) => Err(section.error(key, "belongs beside sum, since it tells how its columns are printed")),
            None => Figures::read(section),
        }
    }

    /// From the keys of a field.
    pub(super) fn read(section: &Section<'_>) -> Result<Figures, MappingError> {
        Ok(Figures { percent: section.flag("percent")?, scale: scale(section)?, ..Figures::of_parts(section)? })
    }

    /// The number, scaled; `None` where the text is none of this print.
    pub(super) fn number(&self, text: &str) -> Option<Decimal> {
        let plain = self.grouping.is_none() && !self.decimal_comma && !self.percent && !self.brackets;
        let exact = if plain { number::exact(text) } else { None };
        let value = exact.or_else(|| self.printed(text))?;
        if self.scale == Decimal::ONE { Some(value) } else { value.checked_mul(self.scale) }
    }

    fn printed(&self, text: &str) -> Option<Decimal> {
        let bracketed = text.strip_prefix('(').and_then(|text| text.strip_suffix(')')).filter(|_| self.brackets);
        let text = bracketed.unwrap_or(text).trim();
        let (text, hundredth) = match text.strip_suffix('%') {
            Some(text) if self.percent => (text.trim_end(), true),
            _ => (text, self.percent),
        };
        let (text, negative) = match (text.strip_prefix('-'), text.strip_prefix('+').filter(|_| bracketed.is_none())) {
            (Some(text), _) => (text, true),
            (None, Some(text)) => (text, false),
            (None, None) => (text, bracketed.is_some()),
        };
        let point = if self.decimal_comma { ',' } else { '.' };
        let (whole, fraction) = text.split_once(point).map_or((text, None), |(whole, fraction)| (whole, Some(fraction)));
        let whole = match self.grouping {
            Some(sign) => ungrouped(whole, sign)?,
            None => whole.to_owned(),
        };
        if !whole.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        // One side of the point may be empty, as many programs print it: `.5` and `5.`.
        let joined = match (whole.as_str(), fraction) {
            (_, None | Some("")) => whole,
            ("", Some(fraction)) => format!("0.{fraction}"),
            (whole, Some(fraction)) => format!("{whole}.{fraction}"),
        };
        let value = number::exact(&joined).filter(|value| !value.is_sign_negative())?;
        let value = if hundredth { value.checked_mul(Decimal::new(1, 2))? } else { value };
        Some(if negative && !value.is_zero() { -value } else { value })
    }
}

fn scale(section: &Section<'_>) -> Result<Decimal, MappingError> {
    let Some(text) = section.text("scale")? else { return Ok(Decimal::ONE) };
    let number = number::exact(&text).ok_or_else(|| section.error("scale", format!("{text:?} must be a number in quotes")))?;
    if number <= Decimal::ZERO {
        return Err(section.error("scale", format!("{text:?} must be above 0: it makes every number nothing, or turns its sign")));
    }
    Ok(number)
}

/// Digits without their grouping: threes, or the Indian way, where the last group has three and the ones before it two.
fn ungrouped(whole: &str, sign: char) -> Option<String> {
    let groups: Vec<&str> = whole.split(sign).collect();
    let [first, middle @ .., last] = groups.as_slice() else { return Some(whole.to_owned()) };
    // Nobody prints thousands from nought on: `0,123` has a decimal comma.
    if first.starts_with('0') {
        return None;
    }
    let threes = middle.iter().all(|group| group.len() == 3) && (1..=3).contains(&first.len());
    let indian = middle.iter().all(|group| group.len() == 2) && (1..=2).contains(&first.len());
    (last.len() == 3 && (threes || indian)).then(|| groups.concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(figures: &Figures, text: &str, expected: Option<&str>) {
        assert_eq!(figures.number(text).map(|number| number.to_string()).as_deref(), expected, "{text}");
    }

    #[test]
    fn prints_of_the_feeds() {
        let plain = Figures::plain();
        let grouped = Figures { grouping: Some(','), brackets: true, ..plain.clone() };
        check(&plain, "1234.50", Some("1234.50"));
        check(&plain, "1,234", None);
        check(&grouped, "25,878,542,731", Some("25878542731"));
        check(&grouped, "4,12,500.00", Some("412500.00"));
        check(&grouped, "(1,200.5)", Some("-1200.5"));
        check(&grouped, "12,34", None);
        check(&grouped, "1,2,345", None);
        check(&grouped, "0,123", None);
        check(&grouped, "0,123,456", None);
        check(&grouped, "0.123", Some("0.123"));
        check(&grouped, "--5", None);
        check(&grouped, "(0)", Some("0"));
        check(&grouped, "-0.0", Some("0.0"));
        for figures in [&plain, &grouped] {
            check(figures, ".5", Some("0.5"));
            check(figures, "5.", Some("5"));
            check(figures, "+5", Some("5"));
            check(figures, "-.5", Some("-0.5"));
            for text in ["", ".", "+", "+-5", "-+5", "+(5)", "(+5)", "5.5.", "..5", "5,"] {
                check(figures, text, None);
            }
        }
        check(&plain, "1.5e3", Some("1500.0"));
        check(&Figures { decimal_comma: true, ..plain.clone() }, ",5", Some("0.5"));
        check(&Figures { decimal_comma: true, ..plain.clone() }, "5,", Some("5"));
        check(&Figures { grouping: Some('.'), decimal_comma: true, ..plain.clone() }, "1.234,5", Some("1234.5"));
        check(&Figures { decimal_comma: true, ..plain.clone() }, "1.5", None);
        check(&Figures { percent: true, ..plain.clone() }, "60.5 %", Some("0.605"));
        check(&Figures { scale: Decimal::from(100), ..plain }, "202.34", Some("20234.00"));
    }
}
