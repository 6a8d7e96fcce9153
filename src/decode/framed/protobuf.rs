//! Protobuf with the schema it was written by → JSON as Protobuf defines it, under the names of the `.proto` file. What has its
//! default stands nowhere: in proto3 a zero that was told and one that was not are the same bytes, and absent means unknown.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use prost_reflect::{DescriptorPool, DynamicMessage, MessageDescriptor, ReflectMessage, SerializeOptions, Value};
use protox::file::{ChainFileResolver, File, FileResolver, GoogleFileResolver};
use protox::prost::Message;
use protox::prost_reflect::prost_types::FileDescriptorProto;
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
    /// Whether writers counted the entries of maps among nested messages.
    counts_entries: bool,
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
        // A descriptor has a message for each map, and a text that was made of one says so: by those their writers counted.
        let counts_entries = descriptor_of(text).is_some() || text.contains("map_entry");
        Ok(ProtobufSchema { pool: compiler.descriptor_pool(), counts_entries })
    }

    /// The message that these bytes are: which of the schema's it is, then its fields.
    pub(super) fn to_json(&self, bytes: &[u8]) -> Result<String, Trouble> {
        let mut bytes = Bytes(bytes);
        let indexes = indexes(&mut bytes)?;
        let message = self.message(&indexes, bytes.0, self.counts_entries);
        // Where a text was registered before, clients of Go, Python and .NET count by their own descriptors all the same.
        let message = message.or_else(|trouble| self.message(&indexes, bytes.0, !self.counts_entries).map_err(|_| trouble))?;
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

    fn message(&self, indexes: &[usize], bytes: &[u8], counts_entries: bool) -> Result<DynamicMessage, Trouble> {
        let descriptor = self.descriptor(indexes, counts_entries)?;
        let message = DynamicMessage::decode(descriptor, bytes).map_err(|error| Trouble::Malformed(error.to_string()))?;
        known(&message)?;
        Ok(message)
    }

    fn descriptor(&self, indexes: &[usize], counts_entries: bool) -> Result<MessageDescriptor, String> {
        let none = || format!("the schema has no message {indexes:?}");
        let file = self.pool.get_file_by_name(ROOT).ok_or_else(none)?;
        let (first, nested) = indexes.split_first().ok_or_else(none)?;
        let first = file.messages().nth(*first).ok_or_else(none)?;
        let below = |message: MessageDescriptor, index: &usize| {
            let is_counted = |child: &MessageDescriptor| counts_entries || !child.is_map_entry();
            message.child_messages().filter(is_counted).nth(*index)
        };
        // Nobody writes the entry of a map by itself.
        nested.iter().try_fold(first, below).filter(|found| !found.is_map_entry()).ok_or_else(none)
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

/// A schema that was registered as a descriptor.
fn descriptor_of(text: &str) -> Option<FileDescriptorProto> {
    FileDescriptorProto::decode(STANDARD.decode(text.trim()).ok()?.as_slice()).ok()
}

/// Schemas by the names under which they are imported.
struct Texts(BTreeMap<String, String>);

impl FileResolver for Texts {
    fn open_file(&self, name: &str) -> Result<File, Error> {
        let text = self.0.get(name).ok_or_else(|| Error::file_not_found(name))?;
        match descriptor_of(text) {
            Some(mut file) => {
                file.name = Some(name.to_owned());
                Ok(File::from_file_descriptor_proto(file))
            }
            None => File::from_source(name, text),
        }
    }
}
