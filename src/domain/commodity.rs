//! What the goods are said to be: Harmonized System codes, and the commodity families they belong to.

use std::fmt;
use std::str::FromStr;

use super::Date;

/// A Harmonized System code of 6 to 12 digits, as declared: an international subheading, maybe with its national line.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HsCode {
    digits: [u8; 12],
    length: u8,
}

impl HsCode {
    /// The code of 6 to 12 digits with this number, zeros before it; `None` where there is none.
    pub fn numbered(number: u64, length: u8) -> Option<HsCode> {
        let mut code = HsCode { digits: [b'0'; 12], length };
        let mut left = number;
        for slot in code.digits.get_mut(..usize::from(length))?.iter_mut().rev() {
            *slot += (left % 10) as u8;
            left /= 10;
        }
        (length >= 6 && left == 0).then_some(code)
    }

    /// The digits as declared, leading zeros kept.
    pub fn digits(&self) -> &str {
        std::str::from_utf8(self.letters()).unwrap_or_default()
    }

    /// The digits, as they stand in bytes.
    pub fn letters(&self) -> &[u8] {
        self.digits.get(..usize::from(self.length)).unwrap_or_default()
    }

    /// The first six digits, on which countries agree.
    pub fn subheading(self) -> HsSubheading {
        HsSubheading(self.digits.iter().take(6).fold(0, |code, digit| code * 10 + u32::from(digit - b'0')))
    }

    /// How many digits were declared.
    pub fn length(self) -> u8 {
        self.length
    }
}

impl fmt::Display for HsCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.digits())
    }
}

impl fmt::Debug for HsCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.digits())
    }
}

impl FromStr for HsCode {
    type Err = InvalidHsCode;

    /// Accepts 6 to 12 digits; dots are ignored.
    fn from_str(text: &str) -> Result<HsCode, InvalidHsCode> {
        let invalid = || InvalidHsCode(text.to_owned());
        let mut code = HsCode { digits: [b'0'; 12], length: 0 };
        for byte in text.bytes().filter(|byte| *byte != b'.') {
            let slot = code.digits.get_mut(usize::from(code.length)).ok_or_else(invalid)?;
            if !byte.is_ascii_digit() {
                return Err(invalid());
            }
            *slot = byte;
            code.length += 1;
        }
        if code.length < 6 { Err(invalid()) } else { Ok(code) }
    }
}

/// A six-digit Harmonized System subheading, such as 2825.80 (antimony oxides).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(try_from = "u32", into = "u32")]
pub struct HsSubheading(u32);

impl HsSubheading {
    /// Sorts before every subheading.
    pub const FIRST: HsSubheading = HsSubheading(0);

    /// The subheading with this number, of at most six digits.
    pub fn numbered(number: u32) -> Option<HsSubheading> {
        (number <= 999_999).then_some(HsSubheading(number))
    }

    /// The four-digit heading above this subheading, as a number.
    pub fn heading(self) -> u32 {
        self.0 / 100
    }

    /// The subheading as a number, without its leading zeros.
    pub fn number(self) -> u32 {
        self.0
    }
}

impl From<HsSubheading> for u32 {
    fn from(code: HsSubheading) -> u32 {
        code.0
    }
}

impl TryFrom<u32> for HsSubheading {
    type Error = InvalidHsCode;

    fn try_from(number: u32) -> Result<HsSubheading, InvalidHsCode> {
        HsSubheading::numbered(number).ok_or_else(|| InvalidHsCode(number.to_string()))
    }
}

impl fmt::Display for HsSubheading {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:06}", self.0)
    }
}

impl fmt::Debug for HsSubheading {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:06}", self.0)
    }
}

impl FromStr for HsSubheading {
    type Err = InvalidHsCode;

    /// Accepts 6 to 12 digits and keeps six; dots are ignored.
    fn from_str(text: &str) -> Result<HsSubheading, InvalidHsCode> {
        text.parse::<HsCode>().map(HsCode::subheading)
    }
}

/// The text is no Harmonized System code.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no HS code (6 to 12 digits)")]
pub struct InvalidHsCode(pub String);

/// An edition of the Harmonized System nomenclature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum HsVersion {
    /// In force 1988 to 1995.
    Hs1988,
    /// In force 1996 to 2001.
    Hs1996,
    /// In force 2002 to 2006.
    Hs2002,
    /// In force 2007 to 2011.
    Hs2007,
    /// In force 2012 to 2016.
    Hs2012,
    /// In force 2017 to 2021.
    Hs2017,
    /// In force since 2022; the edition in which families are described.
    Hs2022,
}

impl HsVersion {
    /// All editions, oldest first.
    pub const ALL: [HsVersion; 7] = [
        HsVersion::Hs1988,
        HsVersion::Hs1996,
        HsVersion::Hs2002,
        HsVersion::Hs2007,
        HsVersion::Hs2012,
        HsVersion::Hs2017,
        HsVersion::Hs2022,
    ];

    /// The year from which it was in force.
    pub fn year(self) -> i16 {
        match self {
            HsVersion::Hs1988 => 1988,
            HsVersion::Hs1996 => 1996,
            HsVersion::Hs2002 => 2002,
            HsVersion::Hs2007 => 2007,
            HsVersion::Hs2012 => 2012,
            HsVersion::Hs2017 => 2017,
            HsVersion::Hs2022 => 2022,
        }
    }

    /// The edition in force on the date.
    pub fn in_force(date: Date) -> HsVersion {
        HsVersion::ALL.into_iter().rev().find(|version| version.year() <= date.year()).unwrap_or(HsVersion::Hs1988)
    }
}

impl fmt::Display for HsVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.year())
    }
}

impl FromStr for HsVersion {
    type Err = InvalidHsCode;

    /// Accepts the year from which the edition was in force (`2022`), with or without `HS`.
    fn from_str(text: &str) -> Result<HsVersion, InvalidHsCode> {
        let mut year = text;
        while let Some(rest) = year.strip_prefix("HS") {
            year = rest;
        }
        match year {
            "1988" => Ok(HsVersion::Hs1988),
            "1996" => Ok(HsVersion::Hs1996),
            "2002" => Ok(HsVersion::Hs2002),
            "2007" => Ok(HsVersion::Hs2007),
            "2012" => Ok(HsVersion::Hs2012),
            "2017" => Ok(HsVersion::Hs2017),
            "2022" => Ok(HsVersion::Hs2022),
            _ => Err(InvalidHsCode(text.to_owned())),
        }
    }
}

/// A commodity family: a material through its stages (`SB`), a basket (`H811292`) or a heading (`H8471`).
///
/// The key of `movements`. At most 15 capitals, digits and `_`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct FamilyId {
    text: [u8; 15],
    length: u8,
}

impl FamilyId {
    /// The family of a code that several materials share.
    pub fn basket(code: HsSubheading) -> FamilyId {
        FamilyId::numbered(6, code.number())
    }

    /// The family of all goods of a heading that no material claims.
    pub fn heading(code: HsSubheading) -> FamilyId {
        FamilyId::numbered(4, code.heading())
    }

    fn numbered(width: u8, number: u32) -> FamilyId {
        let mut family = FamilyId { text: [0; 15], length: width + 1 };
        let mut left = number;
        for slot in family.text.iter_mut().take(usize::from(width) + 1).rev() {
            *slot = b'0' + u8::try_from(left % 10).unwrap_or_default();
            left /= 10;
        }
        let [first, ..] = &mut family.text;
        *first = b'H';
        family
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(self.letters()).unwrap_or_default()
    }

    /// The id, as it stands in bytes.
    pub fn letters(&self) -> &[u8] {
        self.text.get(..usize::from(self.length)).unwrap_or_default()
    }

    /// Is the family of a code that several materials share.
    pub fn is_basket(&self) -> bool {
        self.length == 7 && self.is_numbered()
    }

    /// Is the family of all goods of a heading.
    pub fn is_heading(&self) -> bool {
        self.length == 5 && self.is_numbered()
    }

    /// Is a material with a row in the materials table.
    pub fn is_material(&self) -> bool {
        !self.is_basket() && !self.is_heading()
    }

    fn is_numbered(&self) -> bool {
        self.as_str().strip_prefix('H').is_some_and(|rest| rest.bytes().all(|b| b.is_ascii_digit()))
    }
}

impl fmt::Display for FamilyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for FamilyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl From<FamilyId> for String {
    fn from(family: FamilyId) -> String {
        family.as_str().to_owned()
    }
}

impl TryFrom<String> for FamilyId {
    type Error = InvalidFamily;

    fn try_from(text: String) -> Result<FamilyId, InvalidFamily> {
        text.parse()
    }
}

impl FromStr for FamilyId {
    type Err = InvalidFamily;

    fn from_str(text: &str) -> Result<FamilyId, InvalidFamily> {
        let fits = (1..=15).contains(&text.len());
        if !fits || !text.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_') {
            return Err(InvalidFamily(text.to_owned()));
        }
        let mut family = FamilyId { text: [0; 15], length: u8::try_from(text.len()).unwrap_or(15) };
        family.text.iter_mut().zip(text.bytes()).for_each(|(slot, byte)| *slot = byte);
        Ok(family)
    }
}

/// The text is no family id.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no commodity family (at most 15 capitals, digits and _)")]
pub struct InvalidFamily(pub String);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_keep_leading_zeros_and_lose_dots() {
        let code: HsCode = "0101.21.00".parse().unwrap();
        assert_eq!((code.digits(), code.subheading().to_string().as_str()), ("01012100", "010121"));
        for text in ["", "01012", "0101210000000", "01012a", "é101210"] {
            assert!(text.parse::<HsCode>().is_err(), "{text}");
        }
    }

    #[test]
    fn families_of_codes_are_told_apart() {
        let code = "811292".parse().unwrap();
        assert_eq!((FamilyId::basket(code).as_str(), FamilyId::heading(code).as_str()), ("H811292", "H8112"));
        assert!(FamilyId::basket(code).is_basket() && FamilyId::heading(code).is_heading());
        assert!("SB".parse::<FamilyId>().unwrap().is_material());
    }

    #[test]
    fn editions_follow_the_calendar() {
        let version = |year| HsVersion::in_force(jiff::civil::date(year, 6, 1)).year();
        assert_eq!((version(1980), version(2011), version(2021), version(2026)), (1988, 2007, 2017, 2022));
    }
}
