//! Text → exact decimals and masses. No floating point.

use crate::domain::{Decimal, Grams};

/// Digits that a decimal of ours may have at most.
const DIGITS_MAX: usize = 28;

/// A plain decimal number (`-12.50`, `1e3`), exactly; `None` where the text is no number or has more than 28 digits.
pub(super) fn exact(text: &str) -> Option<Decimal> {
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let digits_only = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    if let Some(small) = small(unsigned) {
        // Nothing is neither above nor below zero: `-0` is `0`.
        return Some(if unsigned.len() == text.len() || small.is_zero() { small } else { -small });
    }
    if unsigned.contains(['e', 'E']) {
        return scientific(text);
    }
    let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, "0"));
    if !digits_only(whole) || !digits_only(fraction) {
        return None;
    }
    let mut number = Decimal::from_str_exact(text).ok()?;
    number.set_sign_negative(number.is_sign_negative() && !number.is_zero());
    Some(number)
}

/// The common case: at most 18 digits, at most one point.
fn small(unsigned: &str) -> Option<Decimal> {
    if unsigned.len() > 19 || !unsigned.as_bytes().first()?.is_ascii_digit() {
        return None;
    }
    let (mut mantissa, mut scale, mut point) = (0i64, 0u32, false);
    for byte in unsigned.bytes() {
        match byte {
            b'0'..=b'9' => {
                mantissa = mantissa.checked_mul(10)?.checked_add(i64::from(byte - b'0'))?;
                scale += u32::from(point);
            }
            b'.' if !point => point = true,
            _ => return None,
        }
    }
    if point && scale == 0 { None } else { Some(Decimal::new(mantissa, scale)) }
}

/// A number with an exponent. The exponent is bounded before it is trusted: `1e999999999` is no number of ours.
fn scientific(text: &str) -> Option<Decimal> {
    let (mantissa, exponent) = text.split_once(['e', 'E'])?;
    let exponent: i32 = exponent.strip_prefix('+').unwrap_or(exponent).parse().ok()?;
    let mantissa = if mantissa.contains(['e', 'E']) { None } else { exact(mantissa) }?;
    let digits = usize::try_from(exponent.unsigned_abs()).ok().filter(|digits| *digits <= DIGITS_MAX)?;
    let power = Decimal::from_str_exact(&format!("1{}", "0".repeat(digits))).ok()?;
    if exponent >= 0 {
        return mantissa.checked_mul(power);
    }
    let quotient = mantissa.checked_div(power)?;
    (quotient.checked_mul(power)? == mantissa).then(|| quotient.normalize())
}

/// A decimal as its type prints it.
pub(super) fn text(number: Decimal) -> String {
    match u64::try_from(number.mantissa()) {
        Ok(whole) if number.scale() == 0 && !number.is_sign_negative() => whole.to_string(),
        _ => number.to_string(),
    }
}

/// Kilograms as text → grams; `None` where it is no number or out of range.
pub(super) fn grams(text: &str) -> Option<Grams> {
    Grams::from_kilograms(exact(text)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_exact_or_refused() {
        let shown = |text: &str| exact(text).map(|number| number.to_string());
        assert_eq!(shown("512300.00").as_deref(), Some("512300.00"));
        assert_eq!(shown("-0.5").as_deref(), Some("-0.5"));
        assert_eq!(shown("25878542731.293").as_deref(), Some("25878542731.293"));
        assert_eq!(shown("1234567890123456789012345678").as_deref(), Some("1234567890123456789012345678"));
        assert_eq!(shown("1.5e3").as_deref(), Some("1500.0"));
        assert_eq!(shown("25e-2").as_deref(), Some("0.25"));
        assert_eq!(shown("-0").as_deref(), Some("0"));
        assert_eq!(shown("-0.00000000000000000000").as_deref(), Some("0.00000000000000000000"));
        for text in [
            "",
            "-",
            ".",
            "1.",
            ".5",
            "1.2.3",
            "+1",
            "1e",
            "e5",
            "1e99",
            "1e5e5",
            "12a",
            "1 2",
            "NaN",
            "123456789012345678901234567890",
        ] {
            assert_eq!(shown(text), None, "{text}");
        }
    }
}
