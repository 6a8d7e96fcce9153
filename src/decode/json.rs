//! JSON read lazily: members of an object, elements of an array, pointers. Numbers stay text; nothing recurses.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::wire::Text;

/// How deep a message may nest.
pub(super) const NESTING_MAX: usize = 32;

/// The members of an object, in order.
pub(super) type Members<'a> = Vec<(Cow<'a, str>, &'a RawValue)>;

struct Object<'a>(Members<'a>);

impl<'de: 'a, 'a> Deserialize<'de> for Object<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Object<'a>, D::Error> {
        struct ObjectVisitor;
        impl<'de> Visitor<'de> for ObjectVisitor {
            type Value = Object<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Object<'de>, A::Error> {
                let mut members = Vec::new();
                while let Some((key, value)) = map.next_entry::<Text<'de>, &'de RawValue>()? {
                    members.push((key.0, value));
                }
                Ok(Object(members))
            }
        }
        deserializer.deserialize_map(ObjectVisitor)
    }
}

/// The members of an object; `None` where the text is none.
pub(super) fn members(text: &str) -> Option<Members<'_>> {
    serde_json::from_str::<Object<'_>>(text).ok().map(|object| object.0)
}

/// The elements of an array; `None` where the text is none.
pub(super) fn elements(text: &str) -> Option<Vec<&RawValue>> {
    serde_json::from_str(text).ok()
}

/// A scalar as text: strings without quotes, numbers and booleans as written; `None` for null, objects and arrays.
pub(super) fn scalar(raw: &str) -> Option<Cow<'_, str>> {
    match raw.as_bytes().first()? {
        b'"' => serde_json::from_str::<Text<'_>>(raw).ok().map(|text| text.0),
        b'n' | b'{' | b'[' => None,
        _ => Some(Cow::Borrowed(raw)),
    }
}

/// The deepest nesting of brackets outside strings.
pub(super) fn nesting(text: &str) -> usize {
    let (mut depth, mut deepest, mut quoted, mut escaped) = (0usize, 0usize, false, false);
    for byte in text.bytes() {
        match (quoted, byte) {
            (true, _) if escaped => escaped = false,
            (true, b'\\') => escaped = true,
            (_, b'"') => quoted = !quoted,
            (false, b'{' | b'[') => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            (false, b'}' | b']') => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

/// One step of a pointer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// A member, or an index of an array.
    Key(String),
    /// The first element of an array whose member has this value.
    Where {
        /// The member.
        member: String,
        /// Its value.
        value: String,
    },
}

/// A JSON pointer (RFC 6901) whose tokens may also be `[Member=value]`: the first element of which that holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Pointer(pub(super) Vec<Step>);

impl Pointer {
    /// Reads `/a/b`, `/a/0`, `/a/[TypeCode=TSP]/b`; an empty text is the whole.
    pub(super) fn parse(text: &str) -> Result<Pointer, String> {
        if text.is_empty() {
            return Ok(Pointer::default());
        }
        let rest = text.strip_prefix('/').ok_or_else(|| format!("{text:?} is no JSON pointer: it starts with / or is empty"))?;
        let step = |token: &str| match token.strip_prefix('[').and_then(|t| t.strip_suffix(']')) {
            None => Ok(Step::Key(token.replace("~1", "/").replace("~0", "~"))),
            Some(filter) => {
                let (member, value) = filter.split_once('=').ok_or_else(|| format!("{token:?} is no filter ([Member=value])"))?;
                Ok(Step::Where { member: member.to_owned(), value: value.to_owned() })
            }
        };
        rest.split('/').map(step).collect::<Result<_, _>>().map(Pointer)
    }

    /// The value it points to.
    pub(super) fn find<'a>(&self, text: &'a str) -> Option<&'a str> {
        self.0.iter().try_fold(text, |text, step| step.take(text))
    }
}

impl Step {
    /// One step down.
    pub(super) fn take<'a>(&self, text: &'a str) -> Option<&'a str> {
        let text = text.trim_start();
        match self {
            Step::Key(key) if text.starts_with('[') => {
                let index: usize = key.parse().ok()?;
                elements(text)?.get(index).map(|raw| raw.get())
            }
            Step::Key(key) => {
                let members = members(text)?;
                // Of a repeated key the last one counts, as in every JSON library.
                members.iter().rev().find(|(name, _)| name == key).map(|(_, raw)| raw.get())
            }
            Step::Where { member, value } => {
                let key = Step::Key(member.clone());
                let holds = |raw: &&&RawValue| key.take(raw.get()).and_then(scalar).is_some_and(|found| found == *value);
                elements(text)?.iter().find(holds).map(|raw| raw.get())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pointers_reach_members_indexes_and_filtered_elements() {
        let text = r#"{"a":[{"k":"x","v":1},{"k":"y","v":2.50}],"b/c":"d\"e"}"#;
        let find = |pointer: &str| Pointer::parse(pointer).unwrap().find(text).and_then(scalar).map(Cow::into_owned);
        assert_eq!(find("/a/[k=y]/v").as_deref(), Some("2.50"));
        assert_eq!(find("/a/0/v").as_deref(), Some("1"));
        assert_eq!(find("/b~1c").as_deref(), Some("d\"e"));
        assert_eq!(find("/a/7/v"), None);
        assert_eq!(nesting(text), 3);
    }
}
