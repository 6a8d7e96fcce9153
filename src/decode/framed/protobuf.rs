//! Protobuf with the schema it was written by → JSON as Protobuf defines it, under the names of the `.proto` file. What has its
//! default stands nowhere: in proto3 a zero that was told and one that was not are the same bytes, and absent means unknown.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use prost_reflect::{DescriptorPool, DynamicMessage, MessageDescriptor, ReflectMessage, SerializeOptions, Value};
use protox::file::{ChainFileResolver, File, FileResolver, GoogleFileResolver};
use protox::prost::Message;
use protox::{Compiler, Error};

use super::bytes::Bytes;
use super::{JSON_BYTES_MAX, SchemaText, Trouble};
use crate::decode::json::NESTING_MAX;

/// The name of the schema itself, which no import may have.
const ROOT: &str = "entrepot-writer-schema.proto";

/// A schema, compiled.
#[derive(Debug)]
pub(super) struct ProtobufSchema {
    pool: DescriptorPool,
}

impl ProtobufSchema {
    /// Compiles the text of a `.proto` file, or a `FileDescriptorProto` in base64, which some clients register.
    pub(super) fn compile(text: &str, references: &[SchemaText<'_>]) -> Result<ProtobufSchema, String> {
        let mut texts: BTreeMap<String, String> =
            references.iter().map(|reference| (reference.name.to_owned(), reference.text.to_owned())).collect();
        texts.insert(ROOT.to_owned(), text.to_owned());
        let mut resolver = ChainFileResolver::new();
        resolver.add(Texts(texts));
        resolver.add(GoogleFileResolver::new());
        let mut compiler = Compiler::with_file_resolver(resolver);
        compiler.open_file(ROOT).map_err(|error| format!("no Protobuf schema: {error}"))?;
        Ok(ProtobufSchema { pool: compiler.descriptor_pool() })
    }

    /// The message that these bytes are: which of the schema's it is, then its fields.
    pub(super) fn to_json(&self, bytes: &[u8]) -> Result<String, Trouble> {
        let mut bytes = Bytes(bytes);
        let descriptor = self.descriptor(&indexes(&mut bytes)?)?;
        let message = DynamicMessage::decode(descriptor, bytes.0).map_err(|error| Trouble::Malformed(error.to_string()))?;
        known(&message)?;
        let options = SerializeOptions::new().stringify_64_bit_integers(false).use_proto_field_name(true);
        let mut json = Vec::new();
        message
            .serialize_with_options(&mut serde_json::Serializer::new(&mut json), &options)
            .map_err(|error| Trouble::Malformed(error.to_string()))?;
        if json.len() > JSON_BYTES_MAX {
            return Err(Trouble::TooLarge(format!("more than {JSON_BYTES_MAX} bytes as JSON")));
        }
        // Maps come in no fixed order; a tree of values has one.
        let sorted: serde_json::Value = serde_json::from_slice(&json).map_err(|error| Trouble::TooLarge(error.to_string()))?;
        Ok(sorted.to_string())
    }

    fn descriptor(&self, indexes: &[usize]) -> Result<MessageDescriptor, String> {
        let none = || format!("the schema has no message {indexes:?}");
        let file = self.pool.get_file_by_name(ROOT).ok_or_else(none)?;
        let (first, nested) = indexes.split_first().ok_or_else(none)?;
        let first = file.messages().nth(*first).ok_or_else(none)?;
        // The entries of maps are messages to a descriptor, not in the text by which writers count.
        nested
            .iter()
            .try_fold(first, |message, index| message.child_messages().filter(|child| !child.is_map_entry()).nth(*index))
            .ok_or_else(none)
    }
}

/// Where in the schema the message stands. One zero is short for the first.
fn indexes(bytes: &mut Bytes<'_>) -> Result<Vec<usize>, String> {
    match bytes.size("count of message indexes")? {
        0 => Ok(vec![0]),
        count if count > NESTING_MAX => Err(format!("{count} message indexes; at most {NESTING_MAX} are taken")),
        count => (0..count).map(|_| bytes.size("message index")).collect(),
    }
}

/// A field that its own writer's schema has not is another schema's, or bytes behind the message.
fn known(message: &DynamicMessage) -> Result<(), Trouble> {
    if let Some(field) = message.unknown_fields().next() {
        return Err(Trouble::Malformed(format!("{} has no field {}", message.descriptor().name(), field.number())));
    }
    for (field, value) in message.fields() {
        let below = |value: &Value| value.as_message().map_or(Ok(()), known);
        let all = match value {
            Value::List(values) => values.iter().try_for_each(below),
            Value::Map(values) => values.values().try_for_each(below),
            value => below(value),
        };
        all.map_err(|trouble| trouble.within(field.name()))?;
    }
    Ok(())
}

/// Schemas by the names under which they are imported.
struct Texts(BTreeMap<String, String>);

impl FileResolver for Texts {
    fn open_file(&self, name: &str) -> Result<File, Error> {
        let text = self.0.get(name).ok_or_else(|| Error::file_not_found(name))?;
        let bytes = STANDARD.decode(text.trim()).ok();
        match bytes.and_then(|bytes| protox::prost_reflect::prost_types::FileDescriptorProto::decode(bytes.as_slice()).ok()) {
            Some(mut file) => {
                file.name = Some(name.to_owned());
                Ok(File::from_file_descriptor_proto(file))
            }
            None => File::from_source(name, text),
        }
    }
}
