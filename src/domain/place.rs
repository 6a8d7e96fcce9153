//! Where, as ports and places: UN/LOCODE.

use std::fmt;
use std::str::FromStr;

use super::Country;

/// A place by its UN/LOCODE: two letters of the country, three letters or digits 2–9 of the place.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(try_from = "[u8; 5]", into = "[u8; 5]")]
pub struct Port {
    code: [u8; 5],
}

impl Port {
    /// The country in which the place lies; a well-formed code gives it without a table.
    pub fn country(self) -> Country {
        let [first, second, ..] = self.code;
        Country::of([first, second]).unwrap_or(Country::UNKNOWN)
    }

    /// The five characters, as they stand in bytes.
    pub fn letters(&self) -> &[u8] {
        &self.code
    }

    /// The five characters.
    pub fn code(&self) -> &str {
        std::str::from_utf8(&self.code).unwrap_or("XXXXX")
    }
}

impl fmt::Display for Port {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl fmt::Debug for Port {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl From<Port> for [u8; 5] {
    fn from(port: Port) -> [u8; 5] {
        port.code
    }
}

impl TryFrom<[u8; 5]> for Port {
    type Error = InvalidPort;

    fn try_from(code: [u8; 5]) -> Result<Port, InvalidPort> {
        let [_, _, place @ ..] = code;
        let well_formed = place.iter().all(|c| c.is_ascii_uppercase() || (b'2'..=b'9').contains(c));
        let port = Port { code };
        let is_one = well_formed && port.country().is_known();
        if is_one { Ok(port) } else { Err(InvalidPort(String::from_utf8_lossy(&code).into_owned())) }
    }
}

impl FromStr for Port {
    type Err = InvalidPort;

    fn from_str(text: &str) -> Result<Port, InvalidPort> {
        let code: [u8; 5] = text.as_bytes().try_into().map_err(|_| InvalidPort(text.to_owned()))?;
        Port::try_from(code)
    }
}

/// The text is no UN/LOCODE.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no UN/LOCODE (country, then three letters or digits 2 to 9, such as CNNGB)")]
pub struct InvalidPort(pub String);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_knows_its_country() {
        assert_eq!("CNNGB".parse::<Port>().unwrap().country(), Country::CHINA);
        for text in ["", "CNNG", "CNNGB1", "ZZNGB", "CNNG1", "cnngb"] {
            assert!(text.parse::<Port>().is_err(), "{text}");
        }
    }
}
