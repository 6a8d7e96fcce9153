//! The bytes of a value → JSON text.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::civil::{DateTime, Time};
use jiff::{SignedDuration, Timestamp};

use super::AvroSchema;
use super::schema::{Node, Place};
use crate::decode::framed::bytes::Bytes;
use crate::decode::framed::{JSON_BYTES_MAX, Trouble};
use crate::decode::json::NESTING_MAX;

impl AvroSchema {
    /// The value that these bytes are, all of them.
    pub(in crate::decode::framed) fn to_json(&self, bytes: &[u8]) -> Result<String, Trouble> {
        let mut reading = Reading { schema: self, bytes: Bytes(bytes), json: String::with_capacity(bytes.len() * 2), depth: 0 };
        reading.value(self.root)?;
        match reading.bytes.0.len() {
            0 => Ok(reading.json),
            trailing => Err(Trouble::Malformed(format!("{trailing} bytes are left behind the value"))),
        }
    }
}

struct Reading<'a> {
    schema: &'a AvroSchema,
    bytes: Bytes<'a>,
    json: String,
    depth: usize,
}

impl<'a> Reading<'a> {
    fn value(&mut self, place: Place) -> Result<(), Trouble> {
        // A value of no bytes may be repeated a million million times, but none is without a sign in JSON.
        if self.json.len() > JSON_BYTES_MAX {
            return Err(Trouble::TooLarge(format!("more than {JSON_BYTES_MAX} bytes as JSON")));
        }
        let schema = self.schema;
        match schema.nodes.get(place) {
            None | Some(Node::Open) => Err("the schema has a hole".to_owned())?,
            Some(Node::Null) => self.json.push_str("null"),
            Some(Node::Boolean) => match self.bytes.array()? {
                [0] => self.json.push_str("false"),
                [1] => self.json.push_str("true"),
                [other] => Err(format!("a boolean is {other}"))?,
            },
            Some(Node::Int) => {
                let number = self.int()?;
                self.json.push_str(&number.to_string());
            }
            Some(Node::Long) => {
                let number = self.bytes.long()?;
                self.json.push_str(&number.to_string());
            }
            Some(Node::Float) => {
                let number = f32::from_le_bytes(self.bytes.array()?);
                self.number(number.is_finite(), &number);
            }
            Some(Node::Double) => {
                let number = f64::from_le_bytes(self.bytes.array()?);
                self.number(number.is_finite(), &number);
            }
            Some(Node::Bytes) => {
                let bytes = self.sized()?;
                self.text(&STANDARD.encode(bytes));
            }
            Some(Node::Fixed(size)) => {
                let bytes = self.bytes.take(*size)?;
                self.text(&STANDARD.encode(bytes));
            }
            Some(Node::Text) => self.string()?,
            Some(Node::Decimal { scale, size }) => {
                let bytes = if let Some(size) = size { self.bytes.take(*size)? } else { self.sized()? };
                self.text(&decimal(bytes, *scale)?);
            }
            Some(Node::Date | Node::Time { .. } | Node::Timestamp { .. }) => self.time(place)?,
            Some(Node::Enum(symbols)) => {
                let index = self.bytes.size("index of a symbol")?;
                let symbol = symbols.get(index).ok_or_else(|| format!("symbol {index} of {}", symbols.len()))?;
                self.text(symbol);
            }
            Some(Node::Union(branches)) => {
                let index = self.bytes.size("branch of a union")?;
                let branch = branches.get(index).ok_or_else(|| format!("branch {index} of a union of {}", branches.len()))?;
                self.value(*branch)?;
            }
            Some(Node::Array(items)) => self.within(['[', ']'], |reading| reading.blocks(*items, false))?,
            Some(Node::Map(values)) => self.within(['{', '}'], |reading| reading.blocks(*values, true))?,
            Some(Node::Record(fields)) => self.within(['{', '}'], |reading| reading.fields(fields))?,
        }
        Ok(())
    }

    /// A list or object. What nests is bounded here: a type that holds itself would else take the stack.
    fn within(&mut self, brackets: [char; 2], read: impl FnOnce(&mut Self) -> Result<(), Trouble>) -> Result<(), Trouble> {
        if self.depth == NESTING_MAX {
            return Err(Trouble::TooLarge(format!("nested more than {NESTING_MAX} deep")));
        }
        let [opening, closing] = brackets;
        self.json.push(opening);
        self.depth += 1;
        read(self)?;
        self.depth -= 1;
        self.json.push(closing);
        Ok(())
    }

    fn fields(&mut self, fields: &[(String, Place)]) -> Result<(), Trouble> {
        for (index, (name, place)) in fields.iter().enumerate() {
            if index > 0 {
                self.json.push(',');
            }
            self.text(name);
            self.json.push(':');
            let within = |trouble: Trouble| trouble.within(name);
            self.value(*place).map_err(within)?;
        }
        Ok(())
    }

    /// The items of a list, or the names and values of a map: in blocks, the last of which is empty.
    fn blocks(&mut self, place: Place, named: bool) -> Result<(), Trouble> {
        let mut is_first = true;
        loop {
            let count = self.bytes.long()?;
            if count == 0 {
                return Ok(());
            }
            // A negative count says the bytes of the block too, for readers that skip it.
            if count < 0 {
                self.bytes.size("length of a block")?;
            }
            for _ in 0..count.unsigned_abs() {
                if !std::mem::take(&mut is_first) {
                    self.json.push(',');
                }
                if named {
                    self.string()?;
                    self.json.push(':');
                }
                self.value(place)?;
            }
        }
    }

    fn int(&mut self) -> Result<i32, String> {
        let number = self.bytes.long()?;
        i32::try_from(number).map_err(|_| format!("{number} is an int of more than 32 bits"))
    }

    fn sized(&mut self) -> Result<&'a [u8], String> {
        let length = self.bytes.size("length of bytes")?;
        self.bytes.take(length)
    }

    fn string(&mut self) -> Result<(), String> {
        let length = self.bytes.size("length of a text")?;
        let text = std::str::from_utf8(self.bytes.take(length)?).map_err(|_| "a text is no UTF-8".to_owned())?;
        self.text(text);
        Ok(())
    }

    fn text(&mut self, text: &str) {
        self.json.push_str(&serde_json::Value::from(text).to_string());
    }

    /// A fraction in the fewest digits that give it back. What JSON has no sign for is a text, which no field takes.
    fn number(&mut self, is_finite: bool, number: &(impl std::fmt::Display + serde::Serialize)) {
        match serde_json::to_string(number) {
            Ok(digits) if is_finite => self.json.push_str(&digits),
            _ => self.text(&number.to_string()),
        }
    }

    fn time(&mut self, place: Place) -> Result<(), String> {
        let text = match self.schema.nodes.get(place) {
            Some(Node::Date) => {
                let days = self.int()?;
                day(days).ok_or_else(|| format!("day {days} is in no year of four digits"))?.date().to_string()
            }
            Some(Node::Time { ticks }) => {
                let value = if *ticks == 1_000 { i64::from(self.int()?) } else { self.bytes.long()? };
                let time = (0..86_400 * ticks).contains(&value).then(|| span(value, *ticks));
                let time = time.and_then(|span| Time::midnight().checked_add(span).ok());
                time.ok_or_else(|| format!("{value} is no time of a day"))?.to_string()
            }
            Some(Node::Timestamp { ticks, local }) => {
                let value = self.bytes.long()?;
                let instant = Timestamp::UNIX_EPOCH.checked_add(span(value, *ticks)).ok();
                let instant = instant.ok_or_else(|| format!("{value} is an instant in no year of four digits"))?;
                if *local { jiff::tz::Offset::UTC.to_datetime(instant).to_string() } else { instant.to_string() }
            }
            _ => return Err("the schema has a hole".to_owned()),
        };
        self.text(&text);
        Ok(())
    }
}

fn day(days: i32) -> Option<DateTime> {
    DateTime::constant(1970, 1, 1, 0, 0, 0, 0).checked_add(SignedDuration::from_secs(i64::from(days) * 86_400)).ok()
}

fn span(value: i64, ticks: i64) -> SignedDuration {
    let nanoseconds = value.rem_euclid(ticks) * (1_000_000_000 / ticks);
    SignedDuration::new(value.div_euclid(ticks), i32::try_from(nanoseconds).unwrap_or(0))
}

/// A number in two's complement, its last `scale` digits behind the point.
fn decimal(bytes: &[u8], scale: usize) -> Result<String, String> {
    let first = bytes.first().ok_or("a decimal has no bytes")?;
    let sign = if *first < 0x80 { 0u8 } else { 0xff };
    let significant = bytes.iter().position(|byte| *byte != sign).map_or(&[][..], |at| bytes.get(at..).unwrap_or_default());
    if significant.len() > 15 {
        return Err(format!("a decimal has {} bytes; at most 15 are taken", significant.len()));
    }
    let value = significant.iter().fold(if sign == 0 { 0i128 } else { -1 }, |value, byte| (value << 8) | i128::from(*byte));
    let digits = format!("{:0>width$}", value.unsigned_abs(), width = scale + 1);
    let (whole, fraction) = digits.split_at(digits.len() - scale);
    let minus = if value < 0 { "-" } else { "" };
    Ok(if scale == 0 { format!("{minus}{whole}") } else { format!("{minus}{whole}.{fraction}") })
}
