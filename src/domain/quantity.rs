//! How much: masses in grams, other quantities with their unit.

use std::fmt;

use super::{Decimal, rec20};

/// A mass in whole grams. On the outside a number in kilograms with at most three decimals.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
pub struct Grams(pub u64);

impl Grams {
    /// Reads kilograms; parts of a gram are rounded half to even.
    pub fn from_kilograms(kilograms: Decimal) -> Result<Grams, InvalidMass> {
        // The common case: whole grams that fit.
        if let (Ok(mantissa), scale @ 0..=3) = (u64::try_from(kilograms.mantissa()), kilograms.scale())
            && let Some(grams) = mantissa.checked_mul(10u64.pow(3 - scale)).filter(|grams| *grams <= Grams::MAX.0)
        {
            return Ok(Grams(grams));
        }
        let invalid = || InvalidMass(kilograms.to_string());
        let grams = kilograms.checked_mul(Decimal::from(1000)).ok_or_else(invalid)?.round();
        let limit = Decimal::from(Grams::MAX.0);
        if grams.is_sign_negative() && !grams.is_zero() || grams > limit {
            return Err(invalid());
        }
        u64::try_from(grams).map(Grams).map_err(|_| invalid())
    }

    /// The largest mass taken: 10^15 kg, a thousand times the world's yearly trade.
    pub const MAX: Grams = Grams(1_000_000_000_000_000_000);

    /// In kilograms, exactly.
    pub fn kilograms(self) -> Decimal {
        Decimal::from_i128_with_scale(i128::from(self.0), 3).normalize()
    }

    /// In tonnes, for formulas.
    pub fn tonnes(self) -> f64 {
        self.0 as f64 / 1e6
    }
}

/// The number is no mass.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no mass in kg (0 to 10^15)")]
pub struct InvalidMass(pub String);

/// A unit of UN/ECE Recommendation 20, such as `KGM`, `TNE` or `NMB`: two or three capitals or digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Unit([u8; 3]);

impl Unit {
    /// The unit with this code, where it is well-formed.
    pub fn new(code: &str) -> Option<Unit> {
        let well_formed = (2..=3).contains(&code.len()) && code.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit());
        let mut letters = [b' '; 3];
        letters.iter_mut().zip(code.bytes()).for_each(|(slot, byte)| *slot = byte);
        well_formed.then_some(Unit(letters))
    }

    /// The unit with this code, where Recommendation 20 has it.
    pub fn listed(code: &str) -> Option<Unit> {
        Unit::new(code).filter(|_| rec20::is_code(code))
    }

    /// The code.
    pub fn code(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default().trim_end()
    }

    /// Grams in one, where it is a unit of mass with a fixed factor. Gross, drained and wet weights (`E4`, `KDW`, `WE`) are no net mass.
    pub fn grams(self) -> Option<Decimal> {
        let (mantissa, scale) = match self.code() {
            "MC" => (1, 6),
            "MGM" => (1, 3),
            "CGM" => (1, 2),
            "DG" => (1, 1),
            "GRM" => (1, 0),
            "DJ" => (10, 0),
            "HGM" => (100, 0),
            // Net kilogram.
            "KGM" | "58" => (1_000, 0),
            "DTN" => (100_000, 0),
            "TNE" | "2U" => (1_000_000, 0),
            "KTN" => (1_000_000_000, 0),
            // Metric carat.
            "CTM" => (2, 1),
            // The German pound.
            "M86" => (500, 0),
            "GRN" => (6_479_891, 8),
            "DRI" => (17_718_451_953_125, 13),
            "ONZ" => (28_349_523_125, 9),
            "LBR" => (45_359_237, 5),
            "STI" => (635_029_318, 5),
            "CWA" | "CWT" | "CNT" => (45_359_237, 3),
            "CWI" => (5_080_234_544, 5),
            // Troy and apothecaries' weights.
            "DWT" => (155_517_384, 8),
            "DRA" => (38_879_346, 7),
            "APZ" => (311_034_768, 7),
            "LBT" => (3_732_417_216, 7),
            "STN" => (90_718_474, 2),
            "LTN" => (10_160_469_088, 4),
            _ => return None,
        };
        Some(Decimal::from_i128_with_scale(mantissa, scale))
    }
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl fmt::Debug for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// A number of units.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quantity {
    /// How many.
    pub value: Decimal,
    /// Of what.
    pub unit: Unit,
}

impl Quantity {
    /// The mass, where the unit is one and the number is above zero: a quantity of 0 beside a value is a suppressed one, not none.
    pub fn mass(self) -> Option<Grams> {
        let grams = self.unit.grams()?.checked_mul(self.value)?;
        Grams::from_kilograms(grams.checked_div(Decimal::ONE_THOUSAND)?).ok().filter(|mass| mass.0 > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kilograms_are_exact_to_the_gram() {
        let grams = |text: &str| Grams::from_kilograms(text.parse().unwrap()).map(|mass| mass.0);
        assert_eq!(grams("20455"), Ok(20_455_000));
        assert_eq!(grams("0.001"), Ok(1));
        assert_eq!(grams("0.0005"), Ok(0));
        assert_eq!(Grams(20_480_500).kilograms().to_string(), "20480.5");
        assert!(grams("-1").is_err() && grams("79228162514264337593543950335").is_err());
    }

    #[test]
    fn pounds_and_tonnes_are_masses_and_pieces_are_not() {
        let grams = |code| Unit::new(code).unwrap().grams().map(|grams| grams.to_string());
        assert_eq!(grams("LBR").as_deref(), Some("453.59237"));
        assert_eq!(grams("TNE").as_deref(), Some("1000000"));
        assert_eq!(grams("NMB"), None);
        // A pound has 7000 grains, 16 ounces of 16 drams; a troy pound 12 ounces of 20 pennyweights or 8 drams of 60 grains.
        let of = |code, times: i64| Unit::listed(code).unwrap().grams().unwrap() * Decimal::from(times);
        let pound = of("LBR", 1);
        assert_eq!([of("GRN", 7000), of("ONZ", 16), of("DRI", 256)], [pound; 3]);
        assert_eq!([of("LBR", 14), of("LBR", 100), of("LBR", 112)], [of("STI", 1), of("CWA", 1), of("CWI", 1)]);
        assert_eq!([of("CWA", 20), of("CWI", 20)], [of("STN", 1), of("LTN", 1)]);
        let troy = of("LBT", 1);
        assert_eq!([of("APZ", 12), of("DWT", 240), of("DRA", 96), of("GRN", 5760)], [troy; 4]);
        assert_eq!([of("CTM", 5000), of("HGM", 10), of("M86", 2), of("MC", 1_000_000_000)], [of("KGM", 1); 4]);
        assert_eq!([of("KTN", 1), of("2U", 1000), of("DTN", 10_000)], [of("TNE", 1000); 3]);
    }

    #[test]
    fn a_code_that_nobody_lists_is_no_unit() {
        assert!(Unit::new("KGS").is_some() && Unit::listed("KGS").is_none());
        assert_eq!(Unit::listed("KGM"), Unit::new("KGM"));
    }
}
