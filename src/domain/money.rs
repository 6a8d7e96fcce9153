//! Value: exact decimals with their currency.

use std::fmt;
use std::str::FromStr;

/// An exact decimal of up to 28 digits.
pub type Decimal = rust_decimal::Decimal;

/// An ISO 4217 currency code, by form: three capitals.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Currency([u8; 3]);

impl Currency {
    /// The US dollar.
    pub const USD: Currency = Currency(*b"USD");

    /// The characters, as they stand in bytes.
    pub fn letters(&self) -> &[u8] {
        &self.0
    }

    /// The code.
    pub fn code(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl FromStr for Currency {
    type Err = InvalidMoney;

    fn from_str(text: &str) -> Result<Currency, InvalidMoney> {
        let code: Option<[u8; 3]> = text.as_bytes().try_into().ok();
        code.filter(|code| code.iter().all(u8::is_ascii_uppercase)).map(Currency).ok_or_else(|| InvalidMoney(text.to_owned()))
    }
}

/// An amount of a currency. The amount keeps the decimals it was given with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Money {
    /// How much; never negative.
    pub amount: Decimal,
    /// Of which currency.
    pub currency: Currency,
}

/// The text is no amount or currency.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no amount of money (a decimal and an ISO 4217 code such as USD)")]
pub struct InvalidMoney(pub String);
