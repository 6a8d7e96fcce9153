//! JSON in the form in which programs write it, read in one pass into the wire structs. All that is unusual (escapes, exponents, unknown
//! or repeated members, faults) gives `None` and is left to the general reader: what is taken here, that one takes to the same effect.

use std::borrow::Cow;

use super::wire::{Number, Text};

/// A place in a text.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scan<'a> {
    text: &'a str,
    at: usize,
}

/// What can be read in one pass.
pub(super) trait Scanned<'a>: Sized {
    /// The value at the place, blanks before it not counted.
    fn scan(scan: &mut Scan<'a>) -> Option<Self>;
}

impl<'a> Scan<'a> {
    /// At the start of a text.
    pub(super) fn new(text: &'a str) -> Scan<'a> {
        Scan { text, at: 0 }
    }

    /// The whole text as one value.
    pub(super) fn whole<T: Scanned<'a>>(text: &'a str) -> Option<T> {
        let mut scan = Scan::new(text);
        let value = T::scan(&mut scan)?;
        (scan.peek().is_none() && scan.at == text.len()).then_some(value)
    }

    /// The next sign that is no blank.
    #[inline]
    pub(super) fn peek(&mut self) -> Option<u8> {
        let bytes = self.text.as_bytes();
        loop {
            match bytes.get(self.at)? {
                b' ' | b'\n' | b'\t' | b'\r' => self.at += 1,
                sign => return Some(*sign),
            }
        }
    }

    /// Takes this sign.
    #[inline]
    pub(super) fn sign(&mut self, sign: u8) -> Option<()> {
        (self.peek()? == sign).then(|| self.at += 1)
    }

    /// Whether a list or object goes on behind a value; takes the comma or the closing sign.
    #[inline]
    pub(super) fn goes_on(&mut self, closing: u8) -> Option<bool> {
        let sign = self.peek()?;
        self.at += 1;
        if sign == b',' { Some(true) } else { (sign == closing).then_some(false) }
    }

    /// A value of a list, with what parts it from the next one.
    #[inline]
    pub(super) fn item<T>(&mut self, read: impl FnOnce(&mut Scan<'a>) -> Option<T>) -> Option<T> {
        let value = read(self)?;
        self.goes_on(b']')?;
        Some(value)
    }

    /// Takes a word such as `null`, where it stands there.
    #[inline]
    pub(super) fn word(&mut self, word: &str) -> bool {
        let found =
            self.peek().is_some() && self.text.as_bytes().get(self.at..).is_some_and(|rest| rest.starts_with(word.as_bytes()));
        self.at += if found { word.len() } else { 0 };
        found
    }

    /// A string without escapes.
    #[inline]
    pub(super) fn plain(&mut self) -> Option<&'a str> {
        self.sign(b'"')?;
        let rest = self.text.as_bytes().get(self.at..)?;
        let length = plain_length(rest);
        let text = self.text.get(self.at..self.at + length).filter(|_| rest.get(length) == Some(&b'"'))?;
        self.at += length + 1;
        Some(text)
    }

    /// The name of a member, with its colon.
    #[inline]
    pub(super) fn name(&mut self) -> Option<&'a str> {
        let name = self.plain()?;
        self.sign(b':')?;
        Some(name)
    }

    /// A string, with or without escapes.
    pub(super) fn string(&mut self) -> Option<Cow<'a, str>> {
        let before = self.at;
        if let Some(plain) = self.plain() {
            return Some(Cow::Borrowed(plain));
        }
        self.at = before;
        self.sign(b'"')?;
        let (start, mut escaped) = (self.at - 1, false);
        let length = self.text.get(self.at..)?.bytes().position(|byte| {
            let closes = byte == b'"' && !escaped;
            escaped = byte == b'\\' && !escaped;
            closes
        })?;
        self.at += length + 1;
        serde_json::from_str::<String>(self.text.get(start..self.at)?).ok().map(Cow::Owned)
    }

    /// A number without exponent, as written.
    #[inline]
    pub(super) fn number(&mut self) -> Option<&'a str> {
        self.peek()?;
        let rest = self.text.as_bytes().get(self.at..)?;
        let digits = |from: usize| rest.iter().skip(from).take_while(|byte| byte.is_ascii_digit()).count();
        let sign = usize::from(rest.first() == Some(&b'-'));
        let whole = digits(sign);
        if whole == 0 || (whole > 1 && rest.get(sign) == Some(&b'0')) {
            return None;
        }
        let mut length = sign + whole;
        if rest.get(length) == Some(&b'.') {
            let fraction = digits(length + 1);
            length += 1 + Some(fraction).filter(|fraction| *fraction > 0)?;
        }
        let number = self.text.get(self.at..self.at + length).filter(|_| !matches!(rest.get(length), Some(b'e' | b'E')))?;
        self.at += length;
        Some(number)
    }
}

/// How many bytes stand before the first quote, backslash or control sign; eight are looked at at once.
#[inline]
fn plain_length(bytes: &[u8]) -> usize {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGHS: u64 = 0x8080_8080_8080_8080;
    let below = |word: u64, bound: u8| word.wrapping_sub(ONES * u64::from(bound)) & !word & HIGHS;
    let (words, rest) = bytes.as_chunks::<8>();
    for (at, word) in words.iter().enumerate() {
        let word = u64::from_le_bytes(*word);
        let found = below(word ^ (ONES * u64::from(b'"')), 1) | below(word ^ (ONES * u64::from(b'\\')), 1) | below(word, b' ');
        // A borrow may mark bytes above one that is found, never below: the lowest mark holds.
        if found != 0 {
            return at * 8 + found.trailing_zeros() as usize / 8;
        }
    }
    let special = |byte: &u8| *byte == b'"' || *byte == b'\\' || *byte < b' ';
    bytes.len() - rest.len() + rest.iter().position(special).unwrap_or(rest.len())
}

impl<'a> Scanned<'a> for Text<'a> {
    #[inline]
    fn scan(scan: &mut Scan<'a>) -> Option<Text<'a>> {
        scan.plain().map(|text| Text(Cow::Borrowed(text)))
    }
}

impl<'a> Scanned<'a> for Number<'a> {
    #[inline]
    fn scan(scan: &mut Scan<'a>) -> Option<Number<'a>> {
        scan.number().map(Number)
    }
}

impl<'a> Scanned<'a> for bool {
    fn scan(scan: &mut Scan<'a>) -> Option<bool> {
        if scan.word("true") {
            return Some(true);
        }
        scan.word("false").then_some(false)
    }
}

impl<'a, T: Scanned<'a>> Scanned<'a> for Vec<T> {
    fn scan(scan: &mut Scan<'a>) -> Option<Vec<T>> {
        scan.sign(b'[')?;
        let mut all = Vec::new();
        if scan.peek()? == b']' {
            scan.at += 1;
            return Some(all);
        }
        loop {
            all.push(T::scan(scan)?);
            if !scan.goes_on(b']')? {
                return Some(all);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::decode::wire::WireRecord;

    const RECORD: &str = r#"{"kind":"shipment","id":"A-1","revision":2,"hs":"282580","net_mass_kg":20.5,"gross_mass_kg": -0.0,
        "quantity":{"value":20,"unit":"TNE"},"customs_value":{"amount":"1.50","currency":"USD"},"transit_ports":["SGSIN", "KRPUS"],
        "bill_of_lading":{"master":"M"},"containers":[{"number":"CSQU3054383","packages":3,"empty":false}],"marks":null,
        "parties":[{"role":"shipper","name":"Beispiel Öl","country":"DE"},{"role":"consignee"}]}"#;

    /// What is taken in one pass, the general reader takes to the same effect.
    #[track_caller]
    fn check(text: &str) -> bool {
        let scanned: Option<WireRecord<'_>> = Scan::whole(text);
        if let Some(scanned) = &scanned {
            assert_eq!(Some(scanned), serde_json::from_str(text).ok().as_ref(), "{text}");
        }
        scanned.is_some()
    }

    #[test]
    fn a_plain_record_is_taken() {
        assert!(check(RECORD));
    }

    #[test]
    fn what_is_unusual_is_left_alone() {
        for text in [
            "",
            "{}",
            r#"{"id":"a\u0041"}"#,
            r#"{"id":"a","id":"b"}"#,
            r#"{"other":1}"#,
            r#"{"revision":01}"#,
            r#"{"revision":1e3}"#,
            r#"{"revision":-}"#,
            r#"{"revision":1.}"#,
            r#"{"revision":"1"}"#,
            r#"{"id":"a"} x"#,
            r#"{"id":"a",}"#,
            r#"{"parties":[null]}"#,
            "{\"id\":\"a\u{1}\"}",
        ] {
            assert!(!check(text), "{text}");
        }
    }

    #[test]
    fn strings_with_escapes_are_read_where_they_are_asked_for() {
        let mut scan = Scan::new(r#""a\"\\" "b" "c\x""#);
        assert_eq!(scan.string().as_deref(), Some("a\"\\"));
        assert_eq!(scan.string().as_deref(), Some("b"));
        assert_eq!(scan.string(), None);
    }

    proptest! {
        #[test]
        fn changed_records_are_taken_alike_or_left_alone(
            changes in proptest::collection::vec((0..RECORD.len(), 0usize..6, "[ -~\u{0}ö]"), 1..4)
        ) {
            let mut text: Vec<char> = RECORD.chars().collect();
            for (at, length, sign) in changes {
                let at = at.min(text.len());
                let end = (at + length).min(text.len());
                text.splice(at..end, sign.chars());
            }
            check(&text.into_iter().collect::<String>());
        }
    }
}
