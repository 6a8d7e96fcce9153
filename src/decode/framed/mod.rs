//! Messages in Confluent's frame: a zero byte, the id of the schema they were written by, in Protobuf which of its messages, then
//! Avro or Protobuf. They become JSON, which mappings read as they read any. Pure: who fetches schemas fills [`Schemas`].

mod avro;
mod bytes;
mod protobuf;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;

use super::DecodeError;
use super::draft::error;
use crate::domain::DeadLetterReason;
use avro::AvroSchema;
use bytes::Bytes;
use protobuf::ProtobufSchema;

/// The first byte of a message. A registry's other frame (1, then a GUID) is not read.
const MAGIC: u8 = 0;

/// What a message may become: a few bytes may stand for very many where values take none.
const JSON_BYTES_MAX: usize = 16_000_000;

/// In what a feed's messages are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framed {
    /// Avro's binary encoding.
    Avro,
    /// Protobuf.
    Protobuf,
}

impl Framed {
    /// The word of the configuration.
    pub fn word(self) -> &'static str {
        match self {
            Framed::Avro => "avro",
            Framed::Protobuf => "protobuf",
        }
    }
}

/// The text of a schema, as a registry gives it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SchemaText<'a> {
    /// The name by which others refer to it: of Protobuf the path in their imports.
    pub name: &'a str,
    /// The text.
    pub text: &'a str,
}

/// A schema, ready to read messages.
#[derive(Debug)]
pub struct WriterSchema(Compiled);

#[derive(Debug)]
enum Compiled {
    Avro(AvroSchema),
    Protobuf(ProtobufSchema),
}

impl WriterSchema {
    /// Compiles a schema. `references`: what it refers to, each after what it refers to itself.
    pub fn compile(form: Framed, text: &str, references: &[SchemaText<'_>]) -> Result<WriterSchema, String> {
        Ok(WriterSchema(match form {
            Framed::Avro => {
                let texts: Vec<&str> = references.iter().map(|reference| reference.text).collect();
                Compiled::Avro(AvroSchema::parse(text, &texts)?)
            }
            Framed::Protobuf => Compiled::Protobuf(ProtobufSchema::compile(text, references)?),
        }))
    }
}

/// What is known of an id.
#[derive(Clone, Debug)]
pub enum Answer {
    /// Its schema.
    Schema(Arc<WriterSchema>),
    /// There is none that can be used, and why.
    Unknown(String),
}

/// What is known of the ids that were asked for.
#[derive(Clone, Debug, Default)]
pub struct Schemas(BTreeMap<u32, Answer>);

/// Why a message was not opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unopened {
    /// Nobody has asked for this id yet. The message waits.
    Unasked(u32),
    /// It never will be: a dead letter.
    Never(DecodeError),
}

impl Schemas {
    /// Notes what is known of an id.
    pub fn insert(&mut self, id: u32, answer: Answer) {
        self.0.insert(id, answer);
    }

    /// Whether an id has been asked for.
    pub fn knows(&self, id: u32) -> bool {
        self.0.contains_key(&id)
    }

    /// How many ids are known.
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// Forgets an id, so that it is asked for again.
    pub fn forget(&mut self, id: u32) {
        self.0.remove(&id);
    }

    /// The message as JSON. Total: any bytes give a text or a reason.
    pub fn open(&self, form: Framed, message: &[u8]) -> Result<String, Unopened> {
        let never = |reason, detail: String| Unopened::Never(error(reason, detail));
        let (id, body) = frame(message).map_err(|detail| never(DeadLetterReason::Malformed, detail))?;
        let schema = match self.0.get(&id) {
            None => return Err(Unopened::Unasked(id)),
            Some(Answer::Unknown(why)) => return Err(never(DeadLetterReason::UnknownSchema, format!("schema {id}: {why}"))),
            Some(Answer::Schema(schema)) => schema,
        };
        let read = match (form, &schema.0) {
            (Framed::Avro, Compiled::Avro(schema)) => schema.to_json(body),
            (Framed::Protobuf, Compiled::Protobuf(schema)) => schema.to_json(body),
            _ => {
                let detail = format!("schema {id} is not one of the feed's format, {}", form.word());
                return Err(never(DeadLetterReason::UnknownSchema, detail));
            }
        };
        read.map_err(|trouble| match trouble {
            Trouble::Malformed(detail) => never(DeadLetterReason::Malformed, format!("by schema {id}: {detail}")),
            Trouble::TooLarge(detail) => never(DeadLetterReason::TooLarge, format!("by schema {id}: {detail}")),
        })
    }
}

/// The id of the schema that a message was written by; `None` where it is in no frame, which needs no schema to be refused.
pub fn schema_id(message: &[u8]) -> Option<u32> {
    frame(message).ok().map(|(id, _)| id)
}

fn frame(message: &[u8]) -> Result<(u32, &[u8]), String> {
    let mut bytes = Bytes(message);
    match bytes.array() {
        Ok([MAGIC]) => {}
        Ok([other]) => return Err(format!("the first byte is {other}; in the registry's frame it is {MAGIC}")),
        Err(_) => return Err("empty: there is no frame".to_owned()),
    }
    let id = bytes.array().map_err(|_| "cut off within the id of the schema".to_owned())?;
    Ok((u32::from_be_bytes(id), bytes.0))
}

/// Why a body could not be read.
#[derive(Debug)]
enum Trouble {
    Malformed(String),
    TooLarge(String),
}

impl Trouble {
    /// The same, with the field in which it was met.
    fn within(self, field: &str) -> Trouble {
        match self {
            Trouble::Malformed(detail) => Trouble::Malformed(format!("{field}: {detail}")),
            Trouble::TooLarge(detail) => Trouble::TooLarge(detail),
        }
    }
}

impl From<String> for Trouble {
    fn from(detail: String) -> Trouble {
        Trouble::Malformed(detail)
    }
}
