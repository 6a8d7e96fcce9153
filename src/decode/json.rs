//! JSON read lazily: members of an object, elements of an array, pointers into a text of which is noted once what stands where. Numbers
//! stay text; nothing recurses.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

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
        b'"' => string(raw),
        b'n' | b'{' | b'[' => None,
        _ => Some(Cow::Borrowed(raw)),
    }
}

/// What a string of a text that is JSON says.
fn string(raw: &str) -> Option<Cow<'_, str>> {
    // Of JSON that was read before, only escapes are left to be read.
    match raw.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        Some(plain) if !plain.contains('\\') => Some(Cow::Borrowed(plain)),
        _ => serde_json::from_str::<Text<'_>>(raw).ok().map(|text| text.0),
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
            None if token.starts_with('[') => Err(format!("{token:?} is no filter ([Member=value])")),
            None => Ok(Step::Key(token.replace("~1", "/").replace("~0", "~"))),
            Some(filter) => {
                let (member, value) = filter.split_once('=').ok_or_else(|| format!("{token:?} is no filter ([Member=value])"))?;
                Ok(Step::Where { member: member.to_owned(), value: value.to_owned() })
            }
        };
        rest.split('/').map(step).collect::<Result<_, _>>().map(Pointer)
    }

    /// The value it points to in a text. Reads at each step what stands there, and holds no more: for documents as large as a file; of a
    /// message [`Tree`] is asked.
    pub(super) fn find<'a>(&self, text: &'a str) -> Option<&'a str> {
        self.0.iter().try_fold(text, |text, step| step.take(text))
    }
}

impl Step {
    fn take<'a>(&self, text: &'a str) -> Option<&'a str> {
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

impl fmt::Display for Pointer {
    /// As a mapping writes it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|step| match step {
            Step::Key(key) => write!(f, "/{}", key.replace('~', "~0").replace('/', "~1")),
            Step::Where { member, value } => write!(f, "/[{member}={value}]"),
        })
    }
}

/// A JSON text, and where each of its values stands: a mapping asks for dozens of places in one message, and reads it once.
#[derive(Debug)]
pub(super) struct Tree<'t> {
    text: &'t str,
    /// Each value before those inside it.
    nodes: Vec<Node>,
    /// Whether a name has escapes.
    escapes: bool,
}

/// A value: where its name and its text stand, and the first value behind it.
#[derive(Debug)]
struct Node {
    /// With its quotes; nothing where it is no member.
    key: Range<usize>,
    span: Range<usize>,
    next: usize,
}

/// A value in a tree.
#[derive(Clone, Copy, Debug)]
pub(super) struct At<'a> {
    tree: &'a Tree<'a>,
    node: usize,
}

impl<'t> Tree<'t> {
    /// Reads a text, which is JSON as a whole.
    ///
    /// # Errors
    ///
    /// Why it is none.
    pub(super) fn read(text: &'t str) -> Result<Tree<'t>, serde_json::Error> {
        serde_json::from_str::<&RawValue>(text)?;
        let nodes = nodes(text);
        // A name that does not read costs the message, and not what was looked for under it.
        let mut escapes = false;
        if text.contains('\\') {
            let names = nodes.iter().filter_map(|node| text.get(node.key.clone()));
            for name in names.filter(|name| name.contains('\\')) {
                escapes = true;
                serde_json::from_str::<Text<'_>>(name)?;
            }
        }
        Ok(Tree { text, nodes, escapes })
    }

    /// All of it.
    pub(super) fn root(&self) -> At<'_> {
        At { tree: self, node: 0 }
    }
}

/// The values of a text that is JSON.
fn nodes(text: &str) -> Vec<Node> {
    let bytes = text.as_bytes();
    let mut nodes: Vec<Node> = Vec::with_capacity(bytes.len() / 16 + 1);
    let (mut open, mut key, mut at) = (Vec::new(), 0..0, 0);
    while let Some(byte) = bytes.get(at) {
        let end = match byte {
            b'"' => string_end(bytes, at),
            b'{' | b'[' | b'}' | b']' | b',' | b':' | b' ' | b'\t' | b'\n' | b'\r' => at + 1,
            _ => {
                let rest = bytes.get(at..).unwrap_or_default();
                let ends = |byte: &u8| matches!(byte, b',' | b'}' | b']' | b' ' | b'\t' | b'\n' | b'\r');
                at + rest.iter().position(ends).unwrap_or(rest.len())
            }
        };
        match byte {
            b',' | b':' | b' ' | b'\t' | b'\n' | b'\r' => {}
            b'}' | b']' => {
                let next = nodes.len();
                if let Some(node) = open.pop().and_then(|(node, _): (usize, bool)| nodes.get_mut(node)) {
                    (node.span.end, node.next) = (end, next);
                }
            }
            b'"' if key.is_empty() && open.last().is_some_and(|(_, is_object)| *is_object) => key = at..end,
            _ => {
                let next = nodes.len() + 1;
                nodes.push(Node { key: std::mem::take(&mut key), span: at..end, next });
                if matches!(byte, b'{' | b'[') {
                    open.push((next - 1, *byte == b'{'));
                }
            }
        }
        at = end;
    }
    nodes
}

/// Where a string ends that begins at an offset.
fn string_end(bytes: &[u8], from: usize) -> usize {
    let mut at = from + 1;
    loop {
        let rest = bytes.get(at..).unwrap_or_default();
        let Some(length) = rest.iter().position(|byte| matches!(byte, b'"' | b'\\')) else { return bytes.len() };
        at += length;
        if bytes.get(at) == Some(&b'"') {
            return at + 1;
        }
        at += 2;
    }
}

impl<'a> At<'a> {
    fn node(self) -> Option<&'a Node> {
        self.tree.nodes.get(self.node)
    }

    /// Its text, without blanks around it.
    pub(super) fn text(self) -> &'a str {
        self.node().and_then(|node| self.tree.text.get(node.span.clone())).unwrap_or_default()
    }

    pub(super) fn is_object(self) -> bool {
        self.opens_with(b'{')
    }

    pub(super) fn is_list(self) -> bool {
        self.opens_with(b'[')
    }

    fn opens_with(self, sign: u8) -> bool {
        self.node().is_some_and(|node| self.tree.text.as_bytes().get(node.span.start) == Some(&sign))
    }

    /// The values inside it, in order.
    pub(super) fn children(self) -> impl Iterator<Item = At<'a>> {
        let end = self.node().map_or(0, |node| node.next);
        let first = Some(At { node: self.node + 1, ..self }).filter(|at| at.node < end);
        std::iter::successors(first, move |at| Some(At { node: at.node()?.next, ..*at }).filter(|at| at.node < end))
    }

    fn is_named(self, name: &str) -> bool {
        let Some(node) = self.node() else { return false };
        let key = node.key.clone();
        if self.tree.escapes
            && let Some(key) = self.tree.text.get(key.clone()).filter(|key| key.contains('\\'))
        {
            return serde_json::from_str::<Text<'_>>(key).is_ok_and(|text| text.0 == name);
        }
        // Between its quotes. Lengths tell most names apart.
        key.len() == name.len() + 2 && self.tree.text.as_bytes().get(key.start + 1..key.end - 1) == Some(name.as_bytes())
    }

    /// A member; of a repeated one the last counts, as in every JSON library.
    pub(super) fn member(self, name: &str) -> Option<At<'a>> {
        if !self.is_object() {
            return None;
        }
        self.children().filter(|at| at.is_named(name)).last()
    }

    /// A scalar as text, as [`scalar`] has it.
    pub(super) fn scalar(self) -> Option<Cow<'a, str>> {
        scalar(self.text())
    }

    /// The value to which a pointer leads from here.
    pub(super) fn find(self, pointer: &Pointer) -> Option<At<'a>> {
        pointer.0.iter().try_fold(self, |at, step| match step {
            Step::Key(key) if at.is_list() => at.children().nth(key.parse().ok()?),
            Step::Key(key) => at.member(key),
            Step::Where { member, value } if at.is_list() => {
                let holds = |at: &At<'_>| at.member(member).and_then(At::scalar).is_some_and(|found| found == *value);
                at.children().find(holds)
            }
            Step::Where { .. } => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    #[test]
    fn pointers_reach_members_indexes_and_filtered_elements() {
        let text = r#"{"a":[{"k":"x","v":1},{"k":"y","v":2.50}],"b/c":"d\"e"}"#;
        let tree = Tree::read(text).unwrap();
        let find = |pointer: &str| {
            let pointer = Pointer::parse(pointer).unwrap();
            let found = tree.root().find(&pointer).map(At::text);
            assert_eq!(found, pointer.find(text), "in the tree, and step by step");
            found.and_then(scalar).map(Cow::into_owned)
        };
        assert_eq!(find("/a/[k=y]/v").as_deref(), Some("2.50"));
        assert_eq!(find("/a/0/v").as_deref(), Some("1"));
        assert_eq!(find("/b~1c").as_deref(), Some("d\"e"));
        assert_eq!(find("/a/7/v"), None);
        assert_eq!(nesting(text), 3);
    }

    #[test]
    fn names_may_be_escaped_or_repeated_and_blanks_do_not_count() {
        let text = " {\n\"a\\u0062\" : [ 1 , -2.5e3 , true , [ ] , { } , null ] , \"t\" : \"one\" , \"t\" : \"two, \\\"}\" } ";
        let tree = Tree::read(text).unwrap();
        let children = |pointer: &str| {
            let at = tree.root().find(&Pointer::parse(pointer).unwrap()).unwrap();
            at.children().map(At::text).collect::<Vec<_>>()
        };
        assert_eq!(children("/ab"), ["1", "-2.5e3", "true", "[ ]", "{ }", "null"]);
        assert_eq!(children("").len(), 3);
        assert_eq!(tree.root().member("t").unwrap().scalar().unwrap(), "two, \"}");
        for wrong in ["", "{", r#"{"a":1}}"#, r#"{"\ud800":1}"#] {
            assert!(Tree::read(wrong).is_err(), "{wrong}");
        }
    }

    fn document() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i32>().prop_map(Value::from),
            "[a-c\"\\\\{}\\[\\],: ]{0,5}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 40, 5, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
                prop::collection::vec(("[ab\"\\\\}]{0,2}", inner), 0..5)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    fn check(at: At<'_>, value: &Value) {
        assert_eq!(&serde_json::from_str::<Value>(at.text()).unwrap(), value);
        let inside = value.as_array().map_or(value.as_object().map_or(0, serde_json::Map::len), Vec::len);
        assert_eq!((at.children().count(), at.is_object(), at.is_list()), (inside, value.is_object(), value.is_array()));
        value.as_array().into_iter().flatten().zip(at.children()).for_each(|(value, at)| check(at, value));
        value.as_object().into_iter().flatten().for_each(|(name, value)| check(at.member(name).unwrap(), value));
    }

    proptest! {
        #[test]
        fn every_value_stands_where_a_parser_of_the_whole_finds_it(document in document(), pretty in any::<bool>()) {
            let text = if pretty { serde_json::to_string_pretty(&document) } else { serde_json::to_string(&document) }.unwrap();
            check(Tree::read(&text).unwrap().root(), &document);
        }
    }
}
