//! Messages that other implementations wrote (`tests/framed/generate.py`), read with the schemas as their registry got them.

use std::sync::Arc;

use entrepot::decode::framed::{Answer, Framed, SchemaText, Schemas, WriterSchema, schema_id};

const WRITTEN: &str = include_str!("../framed/messages.ndjson");

#[derive(serde::Deserialize)]
pub(crate) struct Written {
    pub(crate) maker: String,
    pub(crate) form: String,
    pub(crate) schema: String,
    pub(crate) references: Vec<Reference>,
    message: String,
    json: serde_json::Value,
}

#[derive(serde::Deserialize)]
pub(crate) struct Reference {
    pub(crate) name: String,
    pub(crate) text: String,
}

impl Written {
    pub(crate) fn all() -> Vec<Written> {
        WRITTEN.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    pub(crate) fn framed(&self) -> Framed {
        if self.form == "avro" { Framed::Avro } else { Framed::Protobuf }
    }

    pub(crate) fn message(&self) -> Vec<u8> {
        let digits = |at| u8::from_str_radix(self.message.get(at..at + 2).unwrap(), 16).unwrap();
        (0..self.message.len()).step_by(2).map(digits).collect()
    }

    /// Whether the message opens with this answer to what its maker was told.
    #[track_caller]
    pub(crate) fn check(&self, answer: Answer) {
        let message = self.message();
        let mut schemas = Schemas::default();
        schemas.insert(schema_id(&message).unwrap(), answer);
        let json = schemas.open(self.framed(), &message).unwrap_or_else(|why| panic!("{}: {why:?}", self.maker));
        assert_eq!(serde_json::from_str::<serde_json::Value>(&json).unwrap(), self.json, "{}", self.maker);
    }
}

#[test]
fn messages_of_other_implementations_say_what_they_were_told() {
    let all = Written::all();
    for case in &all {
        let references: Vec<SchemaText<'_>> =
            case.references.iter().map(|reference| SchemaText { name: &reference.name, text: &reference.text }).collect();
        let schema = WriterSchema::compile(case.framed(), &case.schema, &references);
        case.check(Answer::Schema(Arc::new(schema.unwrap_or_else(|why| panic!("{}: {why}", case.maker)))));
    }
    assert_eq!(all.iter().filter(|case| case.framed() == Framed::Avro).count(), 2);
    assert_eq!(all.iter().filter(|case| case.framed() == Framed::Protobuf).count(), 8);
}
