//! JSON Schemas of the records that leave, made from the types that write them.

use schemars::{JsonSchema, schema_for};

use super::verdict::{AlertWire, AssessmentWire, CorridorWire};

/// The schema of every record that leaves, by the name of its file in `docs/schema/`.
pub fn schemas() -> Vec<(&'static str, String)> {
    vec![
        ("assessment-1.json", text::<AssessmentWire<'static>>()),
        ("corridor-1.json", text::<CorridorWire<'static>>()),
        ("alert-1.json", text::<AlertWire<'static>>()),
    ]
}

fn text<T: JsonSchema>() -> String {
    let mut text = serde_json::to_string_pretty(&schema_for!(T)).expect("a schema is JSON");
    text.push('\n');
    text
}
