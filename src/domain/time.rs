//! When: civil dates, months, the periods of trade statistics. Never asks a clock.

use std::fmt;
use std::str::FromStr;

/// A civil date, as lodged and never shifted between zones.
pub type Date = jiff::civil::Date;
/// An instant, RFC 3339 in UTC on the outside.
pub type Timestamp = jiff::Timestamp;

/// A calendar month.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(from = "i32", into = "i32")]
pub struct Month(i32);

impl Month {
    /// The month in which the date lies.
    pub fn of(date: Date) -> Month {
        Month(i32::from(date.year()) * 12 + i32::from(date.month()) - 1)
    }

    /// Months since January of year 0.
    pub fn ordinal(self) -> i32 {
        self.0
    }

    /// The month with this number of months since January of year 0.
    pub fn from_ordinal(ordinal: i32) -> Month {
        Month(ordinal.clamp(0, 9_999 * 12 + 11))
    }

    /// The month that many months later (earlier if negative).
    pub fn plus(self, months: i32) -> Month {
        Month::from_ordinal(self.0 + months)
    }

    /// How many months later `self` is than `earlier`.
    pub fn since(self, earlier: Month) -> i32 {
        self.0 - earlier.0
    }

    /// The calendar year.
    pub fn year(self) -> i16 {
        i16::try_from(self.0 / 12).unwrap_or(i16::MAX)
    }

    /// The number of the month in its year, 1 to 12.
    pub fn number(self) -> i8 {
        i8::try_from(self.0 % 12).unwrap_or(0) + 1
    }

    /// The first day.
    pub fn first_day(self) -> Date {
        jiff::civil::date(self.year(), self.number(), 1)
    }

    /// The last day.
    pub fn last_day(self) -> Date {
        self.first_day().last_of_month()
    }
}

impl From<i32> for Month {
    fn from(ordinal: i32) -> Month {
        Month::from_ordinal(ordinal)
    }
}

impl From<Month> for i32 {
    fn from(month: Month) -> i32 {
        month.0
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.year(), self.number())
    }
}

impl FromStr for Month {
    type Err = InvalidPeriod;

    fn from_str(text: &str) -> Result<Month, InvalidPeriod> {
        match text.parse::<Period>()? {
            Period { first, months: 1 } => Ok(first),
            Period { .. } => Err(InvalidPeriod(text.to_owned())),
        }
    }
}

/// What a trade flow sums up: a month, quarter, half-year or year.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
pub struct Period {
    first: Month,
    months: u8,
}

impl Period {
    /// One month.
    pub fn month(month: Month) -> Period {
        Period { first: month, months: 1 }
    }

    /// The first month.
    pub fn first(self) -> Month {
        self.first
    }

    /// The last month; a flow of a longer period belongs to it.
    pub fn last(self) -> Month {
        self.first.plus(i32::from(self.months) - 1)
    }

    /// Its length: 1, 3, 6 or 12.
    pub fn months(self) -> u8 {
        self.months
    }
}

impl Period {
    /// `2025`, `2025-H1`, `2025-Q1` or `2025-02`, in the first places, and how many there are.
    fn text(self) -> ([u8; 7], usize) {
        let digit = |number: i16| b'0' + u8::try_from(number % 10).unwrap_or_default();
        let (year, month) = (self.first.year(), i16::from(self.first.number()));
        let (part, length) = match self.months {
            12 => ([b' '; 2], 4),
            6 => ([b'H', digit((month + 5) / 6)], 7),
            3 => ([b'Q', digit((month + 2) / 3)], 7),
            _ => ([digit(month / 10), digit(month)], 7),
        };
        let [first, second] = part;
        ([digit(year / 1000), digit(year / 100), digit(year / 10), digit(year), b'-', first, second], length)
    }

    /// Gives the text to a reader without a place of its own.
    pub fn with_text<T>(self, read: impl FnOnce(&str) -> T) -> T {
        let (text, length) = self.text();
        read(text.get(..length).and_then(|text| std::str::from_utf8(text).ok()).unwrap_or_default())
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.with_text(|text| f.write_str(text))
    }
}

impl FromStr for Period {
    type Err = InvalidPeriod;

    /// Accepts `2025`, `2025-H1`, `2025-Q1` and `2025-02`.
    fn from_str(text: &str) -> Result<Period, InvalidPeriod> {
        let invalid = || InvalidPeriod(text.to_owned());
        let (year, rest) = match text.split_once('-') {
            None => (text, None),
            Some((year, rest)) => (year, Some(rest)),
        };
        if year.len() != 4 || !year.bytes().all(|b| b.is_ascii_digit()) {
            return Err(invalid());
        }
        let january = Month(year.parse::<i32>().map_err(|_| invalid())? * 12);
        let within = |number: &str, parts: i32, months: u8| {
            let index: i32 = number.parse().map_err(|_| invalid())?;
            if !number.bytes().all(|b| b.is_ascii_digit()) || !(1..=parts).contains(&index) {
                return Err(invalid());
            }
            Ok(Period { first: january.plus((index - 1) * i32::from(months)), months })
        };
        match rest {
            None => Ok(Period { first: january, months: 12 }),
            Some(rest) if rest.len() == 2 => match rest.split_at_checked(1) {
                Some(("H", half)) => within(half, 2, 6),
                Some(("Q", quarter)) => within(quarter, 4, 3),
                _ => within(rest, 12, 1),
            },
            Some(_) => Err(invalid()),
        }
    }
}

/// The text names no period.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no period (a period is 2025, 2025-H1, 2025-Q1 or 2025-02)")]
pub struct InvalidPeriod(pub String);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn periods_read_and_print_alike() {
        for text in ["2025", "2025-H1", "2025-H2", "2025-Q1", "2025-Q4", "2025-02", "1999-12"] {
            assert_eq!(text.parse::<Period>().unwrap().to_string(), text);
        }
        for text in ["", "25", "2025-13", "2025-H3", "2025-Q5", "2025-2", "2025-00", "2025-+1", "2025é"] {
            assert!(text.parse::<Period>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_longer_period_ends_in_its_last_month() {
        assert_eq!("2024".parse::<Period>().unwrap().last().to_string(), "2024-12");
        assert_eq!("2024-Q2".parse::<Period>().unwrap().last().to_string(), "2024-06");
    }
}
