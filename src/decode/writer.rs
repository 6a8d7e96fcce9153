//! JSON straight into bytes, member by member, for records of which there are millions. Knows no record; same bytes as `serde_json`.

use crate::domain::{Date, Decimal, Grams, Timestamp};

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

    /// Signs of JSON as they are.
    pub(crate) fn raw(&mut self, json: &[u8]) -> &mut Json {
        self.0.extend_from_slice(json);
        self
    }

    /// A comma, unless an object or array opens here. No value ends in an opening bracket.
    pub(crate) fn comma(&mut self) -> &mut Json {
        if !matches!(self.0.last(), None | Some(b'{' | b'[')) {
            self.0.push(b',');
        }
        self
    }

    /// The name of a member; its value comes next. Names are ours and need no escapes.
    pub(crate) fn key(&mut self, key: &str) -> &mut Json {
        self.comma().0.push(b'"');
        self.raw(key.as_bytes()).raw(b"\":")
    }

    /// A string.
    pub(crate) fn text(&mut self, text: &str) -> &mut Json {
        if text.bytes().all(|byte| byte >= b' ' && byte != b'"' && byte != b'\\') {
            self.0.push(b'"');
            self.raw(text.as_bytes()).raw(b"\"")
        } else {
            serde_json::to_writer(&mut self.0, text).expect("a text always makes JSON");
            self
        }
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
            *slot += u8::try_from(left % 10).unwrap_or_default();
            left /= 10;
            length += 1;
        }
        self.raw(digits.get(digits.len() - length..).unwrap_or_default())
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

    /// `YYYY-MM-DD`, without quotes.
    fn day(&mut self, date: Date) -> &mut Json {
        let part = |number: i8| u64::try_from(number).unwrap_or_default();
        match u64::try_from(date.year()) {
            Ok(year) => self.whole(year, 4).raw(b"-").whole(part(date.month()), 2).raw(b"-").whole(part(date.day()), 2),
            Err(_) => self.raw(date.to_string().as_bytes()),
        }
    }

    /// A date.
    pub(crate) fn date(&mut self, date: Date) -> &mut Json {
        self.raw(b"\"").day(date).raw(b"\"")
    }

    /// An instant, RFC 3339 in UTC.
    pub(crate) fn instant(&mut self, instant: Timestamp) -> &mut Json {
        let civil = jiff::tz::Offset::UTC.to_datetime(instant);
        if instant.subsec_nanosecond() != 0 || civil.year() < 0 {
            return self.text(&instant.to_string());
        }
        let part = |number: i8| u64::try_from(number).unwrap_or_default();
        self.raw(b"\"").day(civil.date()).raw(b"T").whole(part(civil.hour()), 2).raw(b":");
        self.whole(part(civil.minute()), 2).raw(b":").whole(part(civil.second()), 2).raw(b"Z\"")
    }
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
