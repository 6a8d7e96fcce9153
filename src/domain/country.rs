//! Where, as countries: ISO 3166-1 alpha-2, with `EU` and `XX`.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

/// ISO 3166-1 alpha-2 codes in use, with `XK` (Kosovo, user-assigned, in all trade statistics), sorted.
const CODES: &str = "AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY BZ \
CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET EU FI FJ FK FM FO FR GA GB GD GE GF \
GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH KI KM KN KP KR KW KY \
KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP \
NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY \
SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS XK XX YE YT ZA ZM ZW";

/// A country by its ISO 3166-1 alpha-2 code; `EU` where a source labels it so, `XX` where it names none.
#[derive(Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(try_from = "[u8; 2]", into = "[u8; 2]")]
pub struct Country([u8; 2]);

impl Ord for Country {
    /// By its letters, both at once: countries are keys of nearly all that is looked up.
    #[inline]
    fn cmp(&self, other: &Country) -> Ordering {
        u16::from_be_bytes(self.0).cmp(&u16::from_be_bytes(other.0))
    }
}

impl PartialOrd for Country {
    #[inline]
    fn partial_cmp(&self, other: &Country) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Country {
    /// Mainland China, standing for China as an origin.
    pub const CHINA: Country = Country(*b"CN");
    /// Hong Kong, China as a first leg.
    pub const HONG_KONG: Country = Country(*b"HK");
    /// Macao, China as a first leg.
    pub const MACAO: Country = Country(*b"MO");
    /// The European Union, as a source or a table of the bundle labels it.
    pub const EUROPEAN_UNION: Country = Country(*b"EU");
    /// Sorts before every country.
    pub const FIRST: Country = Country(*b"AA");
    /// Sorts after every country.
    pub const LAST: Country = Country([0xff; 2]);
    /// No country named.
    pub const UNKNOWN: Country = Country(*b"XX");

    /// China as an origin or first leg: CN, HK and MO.
    pub fn is_china(self) -> bool {
        matches!(&self.0, b"CN" | b"HK" | b"MO")
    }

    /// Names a country or the EU, that is, not `XX`.
    pub fn is_known(self) -> bool {
        self != Country::UNKNOWN
    }

    /// The country with these two letters, where there is one.
    pub fn of(code: [u8; 2]) -> Option<Country> {
        static KNOWN: [bool; 26 * 26] = known(CODES.as_bytes());
        if !code.iter().all(u8::is_ascii_uppercase) {
            return None;
        }
        let index = code.iter().fold(0usize, |index, letter| index * 26 + usize::from(letter - b'A'));
        KNOWN.get(index).copied().unwrap_or(false).then_some(Country(code))
    }

    /// The two letters, as they stand in bytes.
    pub fn letters(&self) -> &[u8] {
        &self.0
    }

    /// The two letters.
    pub fn code(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or("XX")
    }
}

impl fmt::Display for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl fmt::Debug for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl From<Country> for [u8; 2] {
    fn from(country: Country) -> [u8; 2] {
        country.0
    }
}

impl TryFrom<[u8; 2]> for Country {
    type Error = InvalidCountry;

    fn try_from(code: [u8; 2]) -> Result<Country, InvalidCountry> {
        Country::of(code).ok_or_else(|| InvalidCountry(String::from_utf8_lossy(&code).into_owned()))
    }
}

impl FromStr for Country {
    type Err = InvalidCountry;

    fn from_str(text: &str) -> Result<Country, InvalidCountry> {
        let code = text.as_bytes().try_into().ok().and_then(Country::of);
        code.ok_or_else(|| InvalidCountry(text.to_owned()))
    }
}

#[expect(clippy::indexing_slicing, reason = "evaluated by the compiler, which refuses an index out of range")]
const fn known(codes: &[u8]) -> [bool; 26 * 26] {
    let mut table = [false; 26 * 26];
    let mut at = 0;
    while at < codes.len() {
        table[(codes[at] - b'A') as usize * 26 + (codes[at + 1] - b'A') as usize] = true;
        at += 3;
    }
    table
}

/// The text is no ISO 3166-1 alpha-2 code.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no country (ISO 3166-1 alpha-2 in capitals, EU or XX)")]
pub struct InvalidCountry(pub String);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_itself() {
        let codes: Vec<&str> = CODES.split(' ').collect();
        assert_eq!(codes.len(), 249 + 3);
        for code in codes {
            assert_eq!(code.parse::<Country>().unwrap().code(), code);
        }
        for text in ["UK", "cn", "", "C", "CHN", "ZZ", "É"] {
            assert!(text.parse::<Country>().is_err(), "{text}");
        }
    }

    #[test]
    fn china_includes_hong_kong_and_macao_but_not_taiwan() {
        let china = |code: &str| code.parse::<Country>().unwrap().is_china();
        assert!(china("CN") && china("HK") && china("MO") && !china("TW"));
    }
}
