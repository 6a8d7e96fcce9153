//! A schema's JSON → nodes that refer to each other by place, so that a type may hold itself.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::AvroSchema;

/// More digits than an amount has are no decimal to us but bytes.
const SCALE_MAX: u64 = 38;

/// The place of a node.
pub(super) type Place = usize;

/// One type.
#[derive(Debug)]
pub(super) enum Node {
    /// A named type that is still being read.
    Open,
    Null,
    Boolean,
    Int,
    Long,
    Float,
    Double,
    Bytes,
    Text,
    Fixed(usize),
    /// `size`: of a fixed; else the bytes say their length.
    Decimal {
        scale: usize,
        size: Option<usize>,
    },
    Date,
    /// Ticks a second.
    Time {
        ticks: i64,
    },
    Timestamp {
        ticks: i64,
        local: bool,
    },
    Enum(Vec<String>),
    Array(Place),
    Map(Place),
    Union(Vec<Place>),
    Record(Vec<(String, Place)>),
}

impl AvroSchema {
    /// Reads a schema. `references`: those whose names it uses, each after those that it uses itself.
    pub(in crate::decode::framed) fn parse(text: &str, references: &[&str]) -> Result<AvroSchema, String> {
        let mut reading = Reading::default();
        for reference in references {
            reading.document(reference)?;
        }
        let root = reading.document(text)?;
        Ok(AvroSchema { nodes: reading.nodes, root })
    }
}

#[derive(Default)]
struct Reading {
    nodes: Vec<Node>,
    names: BTreeMap<String, Place>,
}

impl Reading {
    fn document(&mut self, text: &str) -> Result<Place, String> {
        let value: Value = serde_json::from_str(text).map_err(|error| format!("no Avro schema: {error}"))?;
        self.any(&value, "")
    }

    fn push(&mut self, node: Node) -> Place {
        self.nodes.push(node);
        self.nodes.len() - 1
    }

    fn any(&mut self, value: &Value, namespace: &str) -> Result<Place, String> {
        match value {
            Value::String(name) => self.named(name, namespace),
            Value::Array(branches) => self.union(branches, namespace),
            Value::Object(members) => self.object(members, namespace),
            _ => Err(format!("no Avro schema: {value} is no type")),
        }
    }

    fn named(&mut self, name: &str, namespace: &str) -> Result<Place, String> {
        if let Some(node) = primitive(name) {
            return Ok(self.push(node));
        }
        let known = self.names.get(&full(name, namespace)).or_else(|| self.names.get(name));
        known.copied().ok_or_else(|| format!("no Avro schema: the type {name:?} is nowhere defined"))
    }

    fn union(&mut self, branches: &[Value], namespace: &str) -> Result<Place, String> {
        let places = branches.iter().map(|branch| self.any(branch, namespace)).collect::<Result<Vec<_>, _>>()?;
        // Else reading could go round in circles without taking a byte or opening a bracket.
        if places.iter().any(|place| matches!(self.nodes.get(*place), Some(Node::Union(_)))) {
            return Err("no Avro schema: a union stands directly in a union".to_owned());
        }
        Ok(self.push(Node::Union(places)))
    }

    fn object(&mut self, members: &Map<String, Value>, namespace: &str) -> Result<Place, String> {
        let kind = members.get("type").ok_or("no Avro schema: a type without \"type\"")?;
        let Value::String(kind) = kind else { return self.any(kind, namespace) };
        match kind.as_str() {
            "array" => {
                let items = self.any(member(members, "items")?, namespace)?;
                Ok(self.push(Node::Array(items)))
            }
            "map" => {
                let values = self.any(member(members, "values")?, namespace)?;
                Ok(self.push(Node::Map(values)))
            }
            "record" | "error" | "enum" | "fixed" => self.definition(kind, members, namespace),
            _ => match logical(kind, members) {
                Some(node) => Ok(self.push(node)),
                None => self.named(kind, namespace),
            },
        }
    }

    /// A type with a name, which is known from here on, in its own fields too.
    fn definition(&mut self, kind: &str, members: &Map<String, Value>, namespace: &str) -> Result<Place, String> {
        let name = text(members, "name")?;
        let namespace = members.get("namespace").and_then(Value::as_str).unwrap_or(namespace);
        let name = full(name, namespace);
        let namespace = name.rsplit_once('.').map_or("", |(namespace, _)| namespace).to_owned();
        let place = self.push(Node::Open);
        if self.names.insert(name.clone(), place).is_some() {
            return Err(format!("no Avro schema: {name:?} is defined twice"));
        }
        let node = match kind {
            "enum" => {
                let symbols = member(members, "symbols")?.as_array().ok_or("no Avro schema: symbols are no list")?;
                let symbols = symbols.iter().map(|symbol| symbol.as_str().map(str::to_owned)).collect::<Option<_>>();
                Node::Enum(symbols.ok_or("no Avro schema: a symbol is no text")?)
            }
            "fixed" => {
                let size = member(members, "size")?.as_u64().and_then(|size| usize::try_from(size).ok());
                let size = size.ok_or("no Avro schema: the size of a fixed is no number")?;
                decimal(members, Some(size)).unwrap_or(Node::Fixed(size))
            }
            _ => {
                let fields = member(members, "fields")?.as_array().ok_or("no Avro schema: fields are no list")?;
                let field = |field: &Value| {
                    let members = field.as_object().ok_or("no Avro schema: a field is no object")?;
                    Ok((text(members, "name")?.to_owned(), self.any(member(members, "type")?, &namespace)?))
                };
                Node::Record(fields.iter().map(field).collect::<Result<_, String>>()?)
            }
        };
        if let Some(open) = self.nodes.get_mut(place) {
            *open = node;
        }
        Ok(place)
    }
}

fn full(name: &str, namespace: &str) -> String {
    if namespace.is_empty() || name.contains('.') { name.to_owned() } else { format!("{namespace}.{name}") }
}

fn member<'v>(members: &'v Map<String, Value>, name: &str) -> Result<&'v Value, String> {
    members.get(name).ok_or_else(|| format!("no Avro schema: {name:?} is missing"))
}

fn text<'v>(members: &'v Map<String, Value>, name: &str) -> Result<&'v str, String> {
    member(members, name)?.as_str().ok_or_else(|| format!("no Avro schema: {name:?} is no text"))
}

fn primitive(name: &str) -> Option<Node> {
    Some(match name {
        "null" => Node::Null,
        "boolean" => Node::Boolean,
        "int" => Node::Int,
        "long" => Node::Long,
        "float" => Node::Float,
        "double" => Node::Double,
        "bytes" => Node::Bytes,
        "string" => Node::Text,
        _ => return None,
    })
}

/// What a logical type makes of the type below it. One that does not fit it is passed over, as the specification wants.
fn logical(kind: &str, members: &Map<String, Value>) -> Option<Node> {
    let logical = members.get("logicalType").and_then(Value::as_str)?;
    Some(match (kind, logical) {
        ("bytes", _) => return decimal(members, None),
        ("int", "date") => Node::Date,
        ("int", "time-millis") => Node::Time { ticks: 1_000 },
        ("long", "time-micros") => Node::Time { ticks: 1_000_000 },
        ("long", name) => {
            let (name, local) = name.strip_prefix("local-").map_or((name, false), |name| (name, true));
            let ticks = match name {
                "timestamp-millis" => 1_000,
                "timestamp-micros" => 1_000_000,
                "timestamp-nanos" => 1_000_000_000,
                _ => return None,
            };
            Node::Timestamp { ticks, local }
        }
        _ => return None,
    })
}

fn decimal(members: &Map<String, Value>, size: Option<usize>) -> Option<Node> {
    let is_decimal = members.get("logicalType").and_then(Value::as_str) == Some("decimal");
    let scale = members.get("scale").map_or(Some(0), Value::as_u64).filter(|scale| is_decimal && *scale <= SCALE_MAX)?;
    Some(Node::Decimal { scale: usize::try_from(scale).ok()?, size })
}
