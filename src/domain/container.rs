//! Boxes: ISO 6346 container numbers with their check digit.

use std::fmt;
use std::str::FromStr;

/// A container number by its form: four letters, seven digits. Its check digit may be wrong, which is a quality and no error.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ContainerNumber([u8; 11]);

impl ContainerNumber {
    /// The characters, as they stand in bytes.
    pub fn letters(&self) -> &[u8] {
        &self.0
    }

    /// The eleven characters.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// Whether the last digit is the one that ISO 6346 computes from the ten characters before it.
    pub fn check_digit_holds(&self) -> bool {
        // ISO 6346: letters count 10 to 38 without multiples of 11, weights are powers of two, modulo 11, and 10 counts 0.
        let value = |byte: u8| match byte {
            b'0'..=b'9' => u32::from(byte - b'0'),
            _ => {
                let place = u32::from(byte - b'A');
                10 + place + place.div_ceil(10)
            }
        };
        let [body @ .., check] = self.0;
        let sum: u32 = body.iter().enumerate().map(|(place, byte)| value(*byte) << place).sum();
        sum % 11 % 10 == u32::from(check - b'0')
    }
}

impl fmt::Display for ContainerNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for ContainerNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for ContainerNumber {
    type Err = InvalidContainerNumber;

    /// Accepts four capitals and seven digits; blanks and hyphens between them are ignored.
    fn from_str(text: &str) -> Result<ContainerNumber, InvalidContainerNumber> {
        let invalid = || InvalidContainerNumber(text.to_owned());
        let mut signs = text.bytes().filter(|b| !matches!(b, b' ' | b'-'));
        let mut number = [0; 11];
        for slot in &mut number {
            *slot = signs.next().ok_or_else(invalid)?;
        }
        if signs.next().is_some() {
            return Err(invalid());
        }
        let [letters @ .., _, _, _, _, _, _, _] = &number;
        let [_, _, _, _, digits @ ..] = &number;
        let well_formed = letters.iter().all(u8::is_ascii_uppercase) && digits.iter().all(u8::is_ascii_digit);
        if well_formed { Ok(ContainerNumber(number)) } else { Err(invalid()) }
    }
}

/// The text is no container number.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no container number (four capitals and seven digits, such as CSQU3054383)")]
pub struct InvalidContainerNumber(pub String);

/// A box as a bill of lading lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Container {
    /// Its number.
    pub number: ContainerNumber,
    /// The number on its seal.
    pub seal: Option<String>,
    /// Packages inside.
    pub packages: Option<u32>,
    /// Whether it is declared empty.
    pub empty: Option<bool>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn check_digits_of_real_form_numbers() {
        // CSQU3054383 is the worked example of ISO 6346; MSKU0000000 has another digit.
        let holds = |text: &str| text.parse::<ContainerNumber>().unwrap().check_digit_holds();
        assert!(holds("CSQU3054383"));
        assert!(holds("CSQU 305438-3"));
        assert!(!holds("CSQU3054384"));
        assert!(!holds("CSQU3054833"));
    }

    #[test]
    fn other_forms_are_refused() {
        for text in ["", "NC", "CSQU305438", "csqu3054383", "CSQ33054383", "CSQU305438É"] {
            assert!(text.parse::<ContainerNumber>().is_err(), "{text}");
        }
    }
}
