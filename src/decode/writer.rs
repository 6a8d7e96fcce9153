//! JSON straight into bytes, member by member, for records of which there are millions. Knows no record; same bytes as `serde_json`.

use crate::domain::{CorridorId, Date, Decimal, Grams, Month, Timestamp};

/// An object that is being written. A member is parted from what stands before it by itself.
#[derive(Debug, Default)]
pub(crate) struct Json(Vec<u8>);

impl Json {
    /// Nothing yet, with room for so many bytes.
    pub(crate) fn with_capacity(bytes: usize) -> Json {
        Json(Vec::with_capacity(bytes))
    }

    /// What was written.
    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    /// What was written so far.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Signs of JSON as they are.
    #[inline]
    pub(crate) fn raw(&mut self, json: &[u8]) -> &mut Json {
        self.0.extend_from_slice(json);
        self
    }

    /// A comma, unless an object or array opens here. No value ends in an opening bracket.
    #[inline]
    pub(crate) fn comma(&mut self) -> &mut Json {
        if !matches!(self.0.last(), None | Some(b'{' | b'[')) {
            self.0.push(b',');
        }
        self
    }

    /// The name of a member; its value comes next. Names are ours and need no escapes.
    #[inline]
    pub(crate) fn key(&mut self, key: &str) -> &mut Json {
        self.comma().0.push(b'"');
        self.raw(key.as_bytes()).raw(b"\":")
    }

    /// A string.
    pub(crate) fn text(&mut self, text: &str) -> &mut Json {
        // Looks at every byte, without a branch: so many at once.
        let escapes = text.bytes().fold(false, |found, byte| found | (byte < b' ') | (byte == b'"') | (byte == b'\\'));
        if !escapes {
            self.quoted(text.as_bytes())
        } else {
            serde_json::to_writer(&mut self.0, text).expect("a text always makes JSON");
            self
        }
    }

    /// A string that is known to need no escapes.
    #[inline]
    pub(crate) fn quoted(&mut self, plain: &[u8]) -> &mut Json {
        self.0.push(b'"');
        self.raw(plain).raw(b"\"")
    }

    /// A member that is a string.
    pub(crate) fn member(&mut self, key: &str, text: &str) -> &mut Json {
        self.key(key).text(text)
    }

    /// A member that is a string, where there is one.
    pub(crate) fn optional(&mut self, key: &str, text: Option<&str>) -> &mut Json {
        match text {
            Some(text) => self.member(key, text),
            None => self,
        }
    }

    /// A whole number, with zeros before it up to a width.
    pub(crate) fn whole(&mut self, number: u64, width: usize) -> &mut Json {
        let mut digits = [b'0'; 20];
        let (mut left, mut length) = (number, 0);
        for slot in digits.iter_mut().rev() {
            if left == 0 && length >= width.max(1) {
                break;
            }
            *slot += (left % 10) as u8;
            left /= 10;
            length += 1;
        }
        self.raw(digits.get(digits.len() - length..).unwrap_or_default())
    }

    /// A whole number with its sign.
    pub(crate) fn signed(&mut self, number: i64) -> &mut Json {
        if number < 0 {
            self.raw(b"-");
        }
        self.whole(number.unsigned_abs(), 1)
    }

    /// An exact decimal with the decimals it was given with.
    pub(crate) fn decimal(&mut self, number: Decimal) -> &mut Json {
        let scale = number.scale();
        match (u64::try_from(number.mantissa()), 10u64.checked_pow(scale)) {
            (Ok(mantissa), Some(_)) if scale == 0 && !number.is_sign_negative() => self.whole(mantissa, 1),
            (Ok(mantissa), Some(power)) if !number.is_sign_negative() => {
                let width = usize::try_from(scale).unwrap_or_default();
                self.whole(mantissa / power, 1).raw(b".").whole(mantissa % power, width)
            }
            _ => self.raw(number.to_string().as_bytes()),
        }
    }

    /// Kilograms with the decimals they need.
    pub(crate) fn kilograms(&mut self, mass: Grams) -> &mut Json {
        self.whole(mass.0 / 1000, 1);
        match mass.0 % 1000 {
            0 => self,
            rest if rest % 100 == 0 => self.raw(b".").whole(rest / 100, 1),
            rest if rest % 10 == 0 => self.raw(b".").whole(rest / 10, 2),
            rest => self.raw(b".").whole(rest, 3),
        }
    }

    /// A number that is finite, as short as it can be told.
    pub(crate) fn number(&mut self, number: f64) -> &mut Json {
        let thousandths = libm::rint(number * 1000.0);
        // A decimal of at most 15 digits is the shortest that names its number.
        if number.is_sign_negative() || thousandths >= 1e15 || (thousandths / 1000.0).to_bits() != number.to_bits() {
            serde_json::to_writer(&mut self.0, &number).expect("a number always makes JSON");
            return self;
        }
        // Whole and small, as just seen.
        let thousandths = thousandths as u64;
        if thousandths.is_multiple_of(1000) {
            return self.whole(thousandths / 1000, 1).raw(b".0");
        }
        self.kilograms(Grams(thousandths))
    }

    /// A month, without quotes.
    pub(crate) fn month(&mut self, month: Month) -> &mut Json {
        self.whole(month.year().unsigned_abs().into(), 4).raw(b"-").whole(month.number().unsigned_abs().into(), 2)
    }

    /// The id of a corridor-month.
    pub(crate) fn corridor(&mut self, id: CorridorId) -> &mut Json {
        self.raw(b"\"").raw(id.family.letters()).raw(b"/").raw(id.intermediary.letters()).raw(b"/");
        self.raw(id.destination.letters()).raw(b"/").month(id.month).raw(b"\"")
    }

    /// A date.
    pub(crate) fn date(&mut self, date: Date) -> &mut Json {
        match digits_of(date) {
            Some(digits) => self.quoted(&digits),
            None => self.text(&date.to_string()),
        }
    }

    /// An instant, RFC 3339 in UTC.
    pub(crate) fn instant(&mut self, instant: Timestamp) -> &mut Json {
        let civil = jiff::tz::Offset::UTC.to_datetime(instant);
        let Some([y0, y1, y2, y3, _, m0, m1, _, d0, d1]) = digits_of(civil.date()).filter(|_| civil.subsec_nanosecond() == 0)
        else {
            return self.text(&instant.to_string());
        };
        let ([h0, h1], [i0, i1], [s0, s1]) = (pair(civil.hour()), pair(civil.minute()), pair(civil.second()));
        self.quoted(&[y0, y1, y2, y3, b'-', m0, m1, b'-', d0, d1, b'T', h0, h1, b':', i0, i1, b':', s0, s1, b'Z'])
    }
}

/// `YYYY-MM-DD`, from the year 0 on.
fn digits_of(date: Date) -> Option<[u8; 10]> {
    let year = u16::try_from(date.year()).ok()?;
    let half = |number: u16| pair(i8::try_from(number % 100).unwrap_or_default());
    let ([y0, y1], [y2, y3], [m0, m1], [d0, d1]) = (half(year / 100), half(year), pair(date.month()), pair(date.day()));
    Some([y0, y1, y2, y3, b'-', m0, m1, b'-', d0, d1])
}

/// Two digits of a number from 0 to 99.
fn pair(number: i8) -> [u8; 2] {
    let number = number.unsigned_abs();
    [b'0' + number / 10, b'0' + number % 10]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(write: impl FnOnce(&mut Json) -> &mut Json, expected: &str) {
        let mut json = Json::default();
        write(&mut json);
        assert_eq!(String::from_utf8(json.into_bytes()).unwrap(), expected);
    }

    #[test]
    fn members_are_parted_and_nothing_else_is() {
        let write = |json: &mut Json| {
            json.raw(b"{").member("a", "{").key("b").raw(b"[").comma().whole(7, 1).comma().whole(0, 1).raw(b"]");
            json.optional("c", None).optional("d", Some("\"\n")).raw(b"}");
        };
        check(
            |json| {
                write(json);
                json
            },
            r#"{"a":"{","b":[7,0],"d":"\"\n"}"#,
        );
    }

    proptest! {
        #[test]
        fn numbers_are_written_as_serde_json_writes_them(number in any::<f64>(), thousandths in any::<i64>(), digits in 0u32..19) {
            let short = (thousandths / 10i64.pow(digits)) as f64;
            for number in [number, short, short / 1000.0, short / 10.0, 0.0, -0.0] {
                check(|json| json.number(number), &serde_json::to_string(&number).unwrap());
            }
        }

        #[test]
        fn texts_are_written_as_serde_json_writes_them(text in any::<String>()) {
            check(|json| json.text(&text), &serde_json::to_string(&text).unwrap());
        }

        #[test]
        fn numbers_and_times_print_as_their_types_do(number in any::<i64>(), scale in 0u32..28, seconds in -80_000_000_000i64..250_000_000_000) {
            let decimal = Decimal::from_i128_with_scale(i128::from(number), scale);
            check(|json| json.decimal(decimal), &decimal.to_string());
            let mass = Grams(number.unsigned_abs() % (Grams::MAX.0 + 1));
            check(|json| json.kilograms(mass), &mass.kilograms().to_string());
            let instant = Timestamp::new(seconds, if number % 2 == 0 { 0 } else { 120_000_000 }).unwrap();
            check(|json| json.instant(instant), &format!("\"{instant}\""));
            let date = jiff::tz::Offset::UTC.to_datetime(instant).date();
            check(|json| json.date(date), &format!("\"{date}\""));
        }
    }
}
