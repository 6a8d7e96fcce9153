//! Values of Parquet as JSON: numbers as they are, decimals and times as text, so that nothing is rounded. Decides which types have one.

use std::io::Write;

use jiff::civil::Time;
use jiff::tz::Offset;
use parquet::basic::{ConvertedType, LogicalType, TimeUnit, Type as Physical};
use parquet::schema::types::Type;

use crate::domain::Timestamp;

/// What a column's values mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Bool,
    Int,
    Unsigned32,
    Unsigned64,
    Float,
    Text,
    Uuid,
    Date,
    /// Since midnight, in so many parts of a second.
    Time(i64),
    /// Since 1970, in so many parts of a second; whether it is UTC.
    Instant(i64, bool),
    /// Nanoseconds of a Julian day, as old writers have it.
    Julian,
    /// With so many digits behind the point.
    Decimal(usize),
}

/// A value as it is stored.
#[derive(Clone, Copy, Debug)]
pub(super) enum Value<'a> {
    Bool(bool),
    Int(i64),
    Int96(&'a [u32]),
    Float(f32),
    Double(f64),
    Bytes(&'a [u8]),
}

/// The digits that a number of 16 bytes always has room for.
const DIGITS_MAX: i32 = 38;

impl Kind {
    /// The meaning of a leaf of a schema.
    ///
    /// # Errors
    ///
    /// The name of a type that has no text.
    pub(super) fn of(field: &Type) -> Result<Kind, String> {
        let Type::PrimitiveType { basic_info, physical_type, scale, precision, .. } = field else {
            return Err("a group".to_owned());
        };
        let (logical, converted) = (basic_info.logical_type_ref(), basic_info.converted_type());
        let is_decimal = matches!(logical, Some(LogicalType::Decimal(_))) || converted == ConvertedType::DECIMAL;
        if is_decimal {
            let scale = usize::try_from(*scale).map_err(|_| format!("a decimal of scale {scale}"))?;
            let fits = (1..=DIGITS_MAX).contains(precision);
            return if fits { Ok(Kind::Decimal(scale)) } else { Err(format!("a decimal of {precision} digits")) };
        }
        let named = || match logical {
            Some(logical) => format!("{physical_type} as {logical:?}"),
            None if converted == ConvertedType::NONE => format!("{physical_type} without a meaning"),
            None => format!("{physical_type} as {converted}"),
        };
        let kind = match (physical_type, logical) {
            (Physical::BOOLEAN, _) => Some(Kind::Bool),
            (Physical::INT32 | Physical::INT64, Some(LogicalType::Time(time))) => Some(Kind::Time(parts(&time.unit))),
            (Physical::INT64, Some(LogicalType::Timestamp(instant))) => {
                Some(Kind::Instant(parts(&instant.unit), instant.is_adjusted_to_u_t_c))
            }
            (Physical::INT32, Some(LogicalType::Date)) => Some(Kind::Date),
            (Physical::INT32, Some(LogicalType::Integer(about))) if !about.is_signed => Some(Kind::Unsigned32),
            (Physical::INT64, Some(LogicalType::Integer(about))) if !about.is_signed => Some(Kind::Unsigned64),
            (Physical::INT32 | Physical::INT64, Some(LogicalType::Integer(_) | LogicalType::Unknown)) => Some(Kind::Int),
            (Physical::INT32 | Physical::INT64, None) => of_converted(converted),
            (Physical::INT96, _) => Some(Kind::Julian),
            (Physical::FLOAT | Physical::DOUBLE, _) => Some(Kind::Float),
            (Physical::BYTE_ARRAY, Some(LogicalType::String | LogicalType::Enum | LogicalType::Json | LogicalType::Unknown)) => {
                Some(Kind::Text)
            }
            (Physical::BYTE_ARRAY, None) => (converted != ConvertedType::BSON).then_some(Kind::Text),
            (Physical::FIXED_LEN_BYTE_ARRAY, Some(LogicalType::Uuid)) => Some(Kind::Uuid),
            _ => None,
        };
        kind.ok_or_else(named)
    }

    /// Writes a value; false, and nothing, where it is none.
    pub(super) fn write(self, value: Value<'_>, out: &mut Vec<u8>) -> bool {
        match (self, value) {
            (Kind::Unsigned32, Value::Int(number)) => digits(i128::from(number as u32), out),
            (Kind::Unsigned64, Value::Int(number)) => digits(i128::from(number as u64), out),
            (Kind::Date, Value::Int(days)) => dated(days, out),
            (Kind::Time(parts), Value::Int(number)) => time(i128::from(number) * nanoseconds(parts), out),
            (Kind::Instant(parts, is_utc), Value::Int(number)) => instant(i128::from(number) * nanoseconds(parts), is_utc, out),
            (Kind::Decimal(scale), Value::Int(number)) => decimal(i128::from(number), scale, out),
            (Kind::Decimal(scale), Value::Bytes(bytes)) => match signed(bytes) {
                Some(number) => decimal(number, scale, out),
                None => text(bytes, out),
            },
            (Kind::Julian, Value::Int96(parts)) => instant(of_julian(parts), false, out),
            (Kind::Uuid, Value::Bytes(bytes)) => uuid(bytes, out),
            (_, Value::Bool(value)) => out.extend_from_slice(if value { b"true" } else { b"false" }),
            (_, Value::Int(number)) => digits(i128::from(number), out),
            // Pandas has no other null among numbers.
            (_, Value::Float(number)) if number.is_nan() => return false,
            (_, Value::Double(number)) if number.is_nan() => return false,
            (_, Value::Float(number)) if number.is_infinite() => text(if number > 0.0 { b"inf" } else { b"-inf" }, out),
            (_, Value::Double(number)) if number.is_infinite() => text(if number > 0.0 { b"inf" } else { b"-inf" }, out),
            (_, Value::Float(number)) if is_whole(f64::from(number)) => digits(number as i128, out),
            (_, Value::Double(number)) if is_whole(number) => digits(number as i128, out),
            (_, Value::Float(number)) => serde_json::to_writer(out, &number).expect("memory takes bytes"),
            (_, Value::Double(number)) => serde_json::to_writer(out, &number).expect("memory takes bytes"),
            (_, Value::Int96(parts)) => instant(of_julian(parts), false, out),
            (_, Value::Bytes(bytes)) => text(bytes, out),
        }
        true
    }
}

/// Whether a number is whole, and no larger than those that a double tells apart. Pandas makes doubles of whole columns with a gap, and
/// `28258000.0` would be another code than `28258000`.
fn is_whole(number: f64) -> bool {
    number.abs() < 9_007_199_254_740_992.0 && number.trunc().total_cmp(&number).is_eq()
}

fn of_converted(converted: ConvertedType) -> Option<Kind> {
    match converted {
        ConvertedType::DATE => Some(Kind::Date),
        ConvertedType::TIME_MILLIS => Some(Kind::Time(1_000)),
        ConvertedType::TIME_MICROS => Some(Kind::Time(1_000_000)),
        ConvertedType::TIMESTAMP_MILLIS => Some(Kind::Instant(1_000, true)),
        ConvertedType::TIMESTAMP_MICROS => Some(Kind::Instant(1_000_000, true)),
        ConvertedType::UINT_8 | ConvertedType::UINT_16 | ConvertedType::UINT_32 => Some(Kind::Unsigned32),
        ConvertedType::UINT_64 => Some(Kind::Unsigned64),
        ConvertedType::NONE | ConvertedType::INT_8 | ConvertedType::INT_16 | ConvertedType::INT_32 | ConvertedType::INT_64 => {
            Some(Kind::Int)
        }
        _ => None,
    }
}

/// Parts of a second.
fn parts(unit: &TimeUnit) -> i64 {
    match unit {
        TimeUnit::MILLIS => 1_000,
        TimeUnit::MICROS => 1_000_000,
        TimeUnit::NANOS => 1_000_000_000,
    }
}

fn nanoseconds(parts: i64) -> i128 {
    i128::from(1_000_000_000 / parts)
}

fn digits(number: i128, out: &mut Vec<u8>) {
    write!(out, "{number}").expect("memory takes bytes");
}

/// A text: its bytes as they are. What is no UTF-8 is found out where the message is decoded, and is a dead letter with all its bytes.
fn text(bytes: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    for byte in bytes {
        match byte {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', *byte]),
            b'\n' => out.extend_from_slice(b"\\n"),
            0..0x20 => write!(out, "\\u{byte:04x}").expect("memory takes bytes"),
            _ => out.push(*byte),
        }
    }
    out.push(b'"');
}

/// Days since 1970; a date that no calendar of ours has stays a number, which no mapping takes for a date.
fn dated(days: i64, out: &mut Vec<u8>) {
    let since = jiff::Span::new().try_days(days).and_then(|span| jiff::civil::date(1970, 1, 1).checked_add(span));
    match since {
        Ok(date) => quoted(format_args!("{date}"), out),
        Err(_) => digits(i128::from(days), out),
    }
}

fn quoted(shown: std::fmt::Arguments<'_>, out: &mut Vec<u8>) {
    write!(out, "\"{shown}\"").expect("memory takes bytes");
}

fn time(nanoseconds: i128, out: &mut Vec<u8>) {
    let (seconds, rest) = (nanoseconds.div_euclid(1_000_000_000), nanoseconds.rem_euclid(1_000_000_000));
    let part = |number: i128| i8::try_from(number).unwrap_or(-1);
    let whole = Time::new(part(seconds / 3600), part(seconds / 60 % 60), part(seconds % 60), i32::try_from(rest).unwrap_or(-1));
    match whole {
        Ok(time) => quoted(format_args!("{time}"), out),
        Err(_) => digits(nanoseconds, out),
    }
}

fn instant(nanoseconds: i128, is_utc: bool, out: &mut Vec<u8>) {
    match Timestamp::from_nanosecond(nanoseconds) {
        Ok(instant) if is_utc => quoted(format_args!("{instant}"), out),
        Ok(instant) => quoted(format_args!("{}", Offset::UTC.to_datetime(instant)), out),
        Err(_) => digits(nanoseconds, out),
    }
}

/// Nanoseconds since 1970: two parts are those of the day, the third is the Julian day.
fn of_julian(parts: &[u32]) -> i128 {
    let part = |at: usize| i128::from(parts.get(at).copied().unwrap_or_default());
    (part(2) - 2_440_588) * 86_400_000_000_000 + (part(1) << 32) + part(0)
}

/// A number in two's complement, the highest byte first; `None` where it has more digits than any decimal of ours.
fn signed(bytes: &[u8]) -> Option<i128> {
    let sign = if bytes.first().is_some_and(|first| *first >= 0x80) { 0xff } else { 0 };
    let surplus = bytes.len().saturating_sub(16);
    let (above, low) = bytes.split_at_checked(surplus)?;
    let mut whole = [sign; 16];
    whole.iter_mut().rev().zip(low.iter().rev()).for_each(|(place, byte)| *place = *byte);
    let is_same = above.iter().all(|byte| *byte == sign) && (surplus == 0 || (whole[0] >= 0x80) == (sign == 0xff));
    is_same.then(|| i128::from_be_bytes(whole))
}

fn decimal(number: i128, scale: usize, out: &mut Vec<u8>) {
    let sign = if number < 0 { "-" } else { "" };
    let digits = format!("{:0>width$}", number.unsigned_abs(), width = scale + 1);
    let (whole, behind) = digits.split_at(digits.len() - scale);
    let point = if scale == 0 { "" } else { "." };
    quoted(format_args!("{sign}{whole}{point}{behind}"), out);
}

fn uuid(bytes: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    for (at, byte) in bytes.iter().enumerate() {
        let dash = if matches!(at, 4 | 6 | 8 | 10) { "-" } else { "" };
        write!(out, "{dash}{byte:02x}").expect("memory takes bytes");
    }
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_doubles_are_written_without_a_fraction() {
        let written = |value| {
            let mut out = Vec::new();
            assert!(Kind::Float.write(value, &mut out));
            String::from_utf8(out).unwrap()
        };
        for (number, wanted) in [
            (28_258_000.0, "28258000"),
            (1.0, "1"),
            (-7.0, "-7"),
            (0.0, "0"),
            (-0.0, "0"),
            (0.1, "0.1"),
            (-2.5, "-2.5"),
            (9_007_199_254_740_991.0, "9007199254740991"),
            (1e21, "1e+21"),
            (f64::INFINITY, "\"inf\""),
        ] {
            assert_eq!(written(Value::Double(number)), wanted, "{number}");
        }
        assert_eq!(written(Value::Float(16_777_216.0)), "16777216");
        assert_eq!(written(Value::Float(0.1)), "0.1");
    }
}
