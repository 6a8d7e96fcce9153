//! Text → dates, instants and periods. Dates are as lodged; a time without a zone is a date.

use jiff::civil;
use jiff::fmt::strtime;
use jiff::tz::TimeZone;

use crate::domain::{Date, Month, Period, Timestamp};

/// `YYYY-MM-DD` and nothing else.
pub(super) fn iso_date(text: &str) -> Option<Date> {
    let bytes: &[u8; 10] = text.as_bytes().try_into().ok()?;
    let [y0, y1, y2, y3, b'-', m0, m1, b'-', d0, d1] = *bytes else { return None };
    let number = |digits: &[u8]| {
        digits.iter().try_fold(0i16, |number, digit| digit.is_ascii_digit().then(|| number * 10 + i16::from(digit - b'0')))
    };
    let month = i8::try_from(number(&[m0, m1])?).ok()?;
    let day = i8::try_from(number(&[d0, d1])?).ok()?;
    civil::Date::new(number(&[y0, y1, y2, y3])?, month, day).ok()
}

/// An instant with its offset from UTC, RFC 3339.
pub(super) fn instant(text: &str) -> Option<Timestamp> {
    whole_second(text).or_else(|| text.parse().ok())
}

/// The common case: `YYYY-MM-DDTHH:MM:SSZ` and nothing else.
fn whole_second(text: &str) -> Option<Timestamp> {
    let (date, time) = text.split_once('T')?;
    let time: &[u8; 9] = time.as_bytes().try_into().ok()?;
    let [h0, h1, b':', m0, m1, b':', s0, s1, b'Z'] = *time else { return None };
    let number = |tens: u8, ones: u8| {
        let digits = tens.is_ascii_digit() && ones.is_ascii_digit();
        digits.then(|| i8::try_from((tens - b'0') * 10 + (ones - b'0')).ok()).flatten()
    };
    let time = civil::Time::new(number(h0, h1)?, number(m0, m1)?, number(s0, s1)?, 0).ok()?;
    jiff::tz::Offset::UTC.to_timestamp(iso_date(date)?.to_datetime(time)).ok()
}

/// What a date looks like.
pub(super) fn no_date(text: &str) -> String {
    format!("{text:?} is no date (YYYY-MM-DD)")
}

/// What an instant looks like.
pub(super) fn no_instant(text: &str) -> String {
    format!("{text:?} is no instant (RFC 3339 in UTC, such as 2025-03-21T04:00:00Z)")
}

/// A format of dates or periods, checked when the mapping is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Format {
    text: String,
    /// It has a day, so it is a date; else it names a month, quarter, half-year or year.
    kind: FormatKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum FormatKind {
    Day,
    Month,
    Year,
    /// The period's own form: `2025`, `2025-H1`, `2025-Q1`, `2025-02`.
    Period,
    /// RFC 3339 with an offset.
    Instant,
}

impl Format {
    /// Reads a format: strptime conversions, `period`, or `rfc3339`.
    pub(super) fn parse(text: &str) -> Result<Format, String> {
        let read = conversions(text).map_err(|problem| format!("{text:?} is no format: {problem}"))?;
        let has = |letters: &str| read.iter().any(|letter| letters.contains(*letter));
        let (day, month, year) = (has("dejFD"), has("mbBhFDj"), has("YyFD"));
        let kind = match text {
            "period" => FormatKind::Period,
            "rfc3339" => FormatKind::Instant,
            _ if day && month && year => FormatKind::Day,
            _ if day && year => return Err(format!("{text:?} is no format: it has a day, and no month")),
            // `%M` is minutes: a month written so would be read as its year.
            _ if year && has("HIlMSTf") => return Err(format!("{text:?} is no format: it has a time, and no day")),
            _ if month && year => FormatKind::Month,
            _ if year => FormatKind::Year,
            _ => {
                return Err(format!(
                    "{text:?} is no format: it needs a year (such as %Y-%m-%d, %Y%m, %B %Y, %Y, period, rfc3339)"
                ));
            }
        };
        Ok(Format { text: text.to_owned(), kind })
    }

    /// As written in the mapping.
    pub(super) fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether it tells a day.
    pub(super) fn is_day(&self) -> bool {
        matches!(self.kind, FormatKind::Day | FormatKind::Instant)
    }

    fn broken_down(&self, text: &str) -> Option<strtime::BrokenDownTime> {
        strtime::parse(&self.text, text).ok()
    }

    fn date(&self, text: &str) -> Option<Date> {
        match self.kind {
            FormatKind::Day if self.text == "%Y-%m-%d" => iso_date(text),
            FormatKind::Day => self.broken_down(text)?.to_date().ok(),
            // The date as lodged: of an instant, the day in its own offset.
            FormatKind::Instant => text.get(..10).and_then(iso_date).filter(|_| instant(text).is_some()),
            FormatKind::Month | FormatKind::Year | FormatKind::Period => None,
        }
    }

    fn period(&self, text: &str) -> Option<Period> {
        match self.kind {
            FormatKind::Period => text.parse().ok(),
            FormatKind::Day | FormatKind::Instant => self.date(text).map(|date| Period::month(Month::of(date))),
            FormatKind::Month => {
                if let Some(first) = plain_month(&self.text, text) {
                    return Some(Period::month(Month::of(first)));
                }
                let parts = self.broken_down(text)?;
                let (year, month) = (parts.year()?, parts.month()?);
                civil::Date::new(year, month, 1).ok().map(|first| Period::month(Month::of(first)))
            }
            FormatKind::Year => {
                let year = self.broken_down(text)?.year()?;
                format!("{year:04}").parse().ok()
            }
        }
    }

    fn instant(&self, text: &str) -> Option<Timestamp> {
        match self.kind {
            FormatKind::Instant => instant(text),
            FormatKind::Day => {
                let zoned = self.broken_down(text).and_then(|parts| parts.to_timestamp().ok());
                zoned.or_else(|| midnight(self.date(text)?))
            }
            _ => None,
        }
    }
}

/// The letters of a format's conversions. Between `%` and its letter may stand how it is padded and how wide it is (`%-m`, `%.3f`, `%:z`).
fn conversions(format: &str) -> Result<Vec<char>, String> {
    let (mut signs, mut letters) = (format.chars(), Vec::new());
    while signs.any(|sign| sign == '%') {
        let letter = signs.find(|sign| !matches!(sign, '-' | '_' | '0'..='9' | '.' | ':'));
        let letter = letter.ok_or("it ends within a conversion")?;
        if !"YymdejbBhFDHMSTzfpIl%".contains(letter) {
            return Err(format!("%{letter} is unknown"));
        }
        letters.push(letter);
    }
    Ok(letters)
}

/// The common cases: `YYYYMM` and `YYYY-MM`, with every digit there. All else is left to the general reader.
fn plain_month(format: &str, text: &str) -> Option<Date> {
    let (year, month) = match (format, text.len()) {
        ("%Y%m", 6) => text.split_at_checked(4)?,
        ("%Y-%m", 7) => text.split_once('-').filter(|(year, _)| year.len() == 4)?,
        _ => return None,
    };
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(year) || !digits(month) {
        return None;
    }
    civil::Date::new(year.parse().ok()?, month.parse().ok()?, 1).ok()
}

/// Midnight UTC at the start of a date.
pub(super) fn midnight(date: Date) -> Option<Timestamp> {
    date.to_zoned(TimeZone::UTC).ok().map(|zoned| zoned.timestamp())
}

/// The first format that reads the text as a date.
pub(super) fn read_date(text: &str, formats: &[Format]) -> Option<Date> {
    formats.iter().find_map(|format| format.date(text))
}

/// The first format that reads the text as a period; a date stands for its month.
pub(super) fn read_period(text: &str, formats: &[Format]) -> Option<Period> {
    formats.iter().find_map(|format| format.period(text))
}

/// The first format that reads the text as an instant; a date without a zone is its midnight UTC.
pub(super) fn read_instant(text: &str, formats: &[Format]) -> Option<Timestamp> {
    formats.iter().find_map(|format| format.instant(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(format: &str, text: &str, expected: Option<&str>) {
        let formats = [Format::parse(format).unwrap()];
        let period = read_period(text, &formats).map(|period| period.to_string());
        let date = read_date(text, &formats).map(|date| date.to_string());
        assert_eq!(if formats[0].is_day() { date } else { period }.as_deref(), expected, "{format} {text}");
    }

    #[test]
    fn formats_of_the_feeds() {
        check("%Y%m", "202201", Some("2022-01"));
        check("%Y-%m", "2026-06", Some("2026-06"));
        check("%Y.%m", "2026.05", Some("2026-05"));
        check("%B %Y", "January 2002", Some("2002-01"));
        check("%d-%b-%y", "14-Mar-25", Some("2025-03-14"));
        check("%d/%m/%Y", "02/03/2025", Some("2025-03-02"));
        check("%Y%m%d", "20211208", Some("2021-12-08"));
        check("%Y", "2024", Some("2024"));
        check("period", "2025-H1", Some("2025-H1"));
        check("rfc3339", "2025-03-14T23:30:00-05:00", Some("2025-03-14"));
        check("%Y-%m-%d", "2025-02-30", None);
        check("%Y%m", "2022", None);
        check("%Y%m", "202213", None);
    }

    #[test]
    fn how_a_conversion_is_padded_does_not_change_what_it_is() {
        check("%-m/%Y", "3/2025", Some("2025-03"));
        check("%_m/%Y", "3/2025", Some("2025-03"));
        check("%Y-%02m", "2025-03", Some("2025-03"));
        check("%-d.%-m.%Y", "3.4.2025", Some("2025-04-03"));
        check("%Y%%m", "2025%m", Some("2025"));
    }

    #[test]
    fn a_format_without_a_year_is_refused() {
        assert!(Format::parse("%d/%m").is_err() && Format::parse("%Y-%Q").is_err() && Format::parse("").is_err());
        // Minutes where a month is meant, and a conversion of nothing.
        assert!(Format::parse("%Y%M").is_err() && Format::parse("%Y-%").is_err() && Format::parse("%Y-%-").is_err());
    }
}
