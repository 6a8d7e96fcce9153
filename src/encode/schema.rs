//! JSON Schemas of all records on the outside, made from the types that write them; of records in from the types that read them.

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema};
use serde_json::{Value, json};

use super::effects::DeadLetterWire;
use super::verdict::{AlertWire, AssessmentWire, CorridorWire};
use crate::decode::record_schemas;

/// The schema of every record, in and out, by the name of its file in `docs/schema/`.
pub fn schemas() -> Vec<(&'static str, String)> {
    let out = [
        ("assessment-1.json", made::<AssessmentWire<'static>>()),
        ("corridor-1.json", made::<CorridorWire<'static>>()),
        ("alert-1.json", made::<AlertWire<'static>>()),
        ("dead_letter-1.json", made::<DeadLetterWire<'static>>()),
    ];
    record_schemas().into_iter().chain(out).map(|(name, schema)| (name, text(schema))).collect()
}

/// The schema of what is written: what is left out where there is nothing to say is not required.
fn made<T: JsonSchema>() -> Value {
    let mut schema = SchemaSettings::draft2020_12().for_serialize().into_generator().into_root_schema_for::<T>().to_value();
    without_null(&mut schema);
    schema
}

/// What is absent is left out, and never null.
fn without_null(schema: &mut Value) {
    match schema {
        Value::Array(items) => items.iter_mut().for_each(without_null),
        Value::Object(members) => {
            if let Some(Value::Array(types)) = members.get_mut("type") {
                types.retain(|one| one != "null");
                if let [one] = types.as_slice() {
                    let one = one.clone();
                    members.insert("type".to_owned(), one);
                }
            }
            if let Some(Value::Array(choices)) = members.get_mut("anyOf") {
                choices.retain(|one| *one != json!({ "type": "null" }));
                if let [Value::Object(one)] = choices.as_slice() {
                    let one = one.clone();
                    members.remove("anyOf");
                    members.extend(one);
                }
            }
            members.values_mut().for_each(without_null);
        }
        _ => {}
    }
}

fn text(schema: Value) -> String {
    let schema = Schema::try_from(schema).expect("an object is a schema");
    let mut text = serde_json::to_string_pretty(&schema).expect("a schema is JSON");
    text.push('\n');
    text
}
