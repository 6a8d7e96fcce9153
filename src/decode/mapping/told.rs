//! What stands where a text is meant, and is none: a list, an object or a broken escape is never the same as nothing.

use std::borrow::Cow;

use super::evaluate::Place;
use super::value::{Source, Value};
use crate::decode::DecodeError;
use crate::decode::draft::malformed;
use crate::decode::json::At;

impl<'a> Place<'a> {
    /// The text of a value, for a field of this name; `None` is null.
    ///
    /// # Errors
    ///
    /// Something stands there that is no text: `malformed_field`.
    pub(super) fn told(&'a self, value: &'a Value, field: &str) -> Result<Option<Cow<'a, str>>, DecodeError> {
        let text = self.value(value);
        match if text.is_none() { self.misfit(value) } else { None } {
            None => Ok(text),
            Some(found) => {
                let field = format!("{field} (from {})", self.shown(value));
                Err(malformed(&field, format_args!("{found} stands there, where a text or a number is meant")))
            }
        }
    }

    /// What stands there in place of a text, where the value is null for that reason alone.
    pub(super) fn misfit(&self, value: &Value) -> Option<&'static str> {
        if value.null_when.as_ref().is_some_and(|when| self.holds(when)) {
            return None;
        }
        let at = match &value.source {
            Source::Column(slot) => self.member_of(*slot),
            Source::Pivot(name) => self.member_of(self.pivoted(name)?),
            Source::Pointer(pointer) => self.json().and_then(|at| at.find(pointer)),
            Source::Parent(pointer) => self.json_outwards().skip(1).find_map(|at| at.find(pointer)),
            Source::Envelope(pointer) => self.envelope.and_then(|at| at.find(pointer)),
            Source::First(parts, _) | Source::Concat(parts, _) | Source::Sum(parts, _) => {
                return parts.iter().filter(|part| self.value(part).is_none()).find_map(|part| self.misfit(part));
            }
            _ => None,
        };
        at.and_then(misfit)
    }
}

/// What it is, where it is no text, no number and no truth, and not nothing: `[]` and `{}` hold nothing.
fn misfit(at: At<'_>) -> Option<&'static str> {
    let is_empty = at.children().next().is_none();
    match at.text().as_bytes().first()? {
        b'{' if !is_empty => Some("an object"),
        b'[' if !is_empty => Some("a list"),
        b'"' if at.scalar().is_none() => Some("a text with a broken escape"),
        _ => None,
    }
}
