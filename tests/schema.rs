//! The schemas in `docs/schema/` are those that the types make, and what goes in and comes out fits them. `UPDATE_EXPECT=1` writes them.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::float_cmp,
    reason = "a test that panics has failed, which is its way to say so"
)]

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use expect_test::expect_file;
use serde_json::{Value, json};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

#[test]
fn schemas_on_paper_are_those_of_the_types() {
    let folder = Path::new(ROOT).join("docs/schema");
    for (name, schema) in entrepot::encode::schemas() {
        expect_file![folder.join(name)].assert_eq(&schema);
    }
    let on_paper = std::fs::read_dir(&folder).unwrap().count();
    assert_eq!(on_paper, entrepot::encode::schemas().len(), "a file in {} that no type makes", folder.display());
}

/// Why a value does not fit a schema. Knows what the schemas here say, and stops at anything else.
fn misfit(root: &Value, schema: &Value, value: &Value) -> Result<(), String> {
    for (keyword, said) in schema.as_object().unwrap() {
        let fits = match keyword.as_str() {
            "$schema" | "$defs" | "title" | "description" | "format" => true,
            "$ref" => {
                let there = root.pointer(said.as_str().unwrap().trim_start_matches('#')).unwrap();
                return misfit(root, there, value);
            }
            "type" => match said.as_str().unwrap() {
                "object" => value.is_object(),
                "array" => value.is_array(),
                "string" => value.is_string(),
                "boolean" => value.is_boolean(),
                "number" => value.is_number(),
                "integer" => value.is_i64() || value.is_u64(),
                other => panic!("type {other}"),
            },
            "const" => value == said,
            "enum" => said.as_array().unwrap().contains(value),
            "minimum" => value.as_f64() >= said.as_f64(),
            "maximum" => value.as_f64() <= said.as_f64(),
            "required" => said.as_array().unwrap().iter().all(|name| value.get(name.as_str().unwrap()).is_some()),
            "anyOf" => said.as_array().unwrap().iter().any(|choice| misfit(root, choice, value).is_ok()),
            "items" => value.as_array().is_some_and(|items| items.iter().all(|item| misfit(root, said, item).is_ok())),
            "properties" => {
                for (name, schema) in said.as_object().unwrap() {
                    let Some(member) = value.get(name) else { continue };
                    misfit(root, schema, member).map_err(|why| format!("{name}: {why}"))?;
                }
                true
            }
            "additionalProperties" => {
                value.as_object().is_some_and(|members| members.values().all(|member| misfit(root, said, member).is_ok()))
            }
            other => panic!("keyword {other}"),
        };
        if !fits {
            return Err(format!("{keyword} {said}: {value}"));
        }
    }
    Ok(())
}

/// Holds lines of JSON against the schemas of their kinds, members that no schema names included. Gives how many there were of each.
#[track_caller]
fn check(lines: &str) -> BTreeMap<String, usize> {
    let schemas: BTreeMap<&str, Value> =
        entrepot::encode::schemas().iter().map(|(name, text)| (*name, serde_json::from_str(text).unwrap())).collect();
    let mut counts = BTreeMap::new();
    for line in lines.lines() {
        let value: Value = serde_json::from_str(line).unwrap();
        let kind = value["kind"].as_str().unwrap();
        let schema = &schemas[format!("{kind}-1.json").as_str()];
        assert_eq!(misfit(schema, schema, &value), Ok(()), "{line}");
        let unnamed = value.as_object().unwrap().keys().find(|name| schema["properties"].get(name).is_none());
        assert_eq!(unnamed, None, "{line}");
        *counts.entry(kind.to_owned()).or_default() += 1;
    }
    counts
}

#[test]
fn records_in_and_out_fit_their_schemas() {
    let sample = Path::new(ROOT).join("config/sample");
    let records = ["antimony.ndjson", "world.ndjson"].map(|name| sample.join(name));
    for file in &records {
        let counts = check(&std::fs::read_to_string(file).unwrap());
        assert!(counts["trade_flow"] > 500, "{counts:?}");
    }
    let mut command = Command::new(env!("CARGO_BIN_EXE_entrepot"));
    command.args(["-q", "assess", "--history"]).args(&records).arg(sample.join("bad.ndjson"));
    let output = command.current_dir(ROOT).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let counts = check(std::str::from_utf8(&output.stdout).unwrap());
    assert_eq!(counts.keys().collect::<Vec<_>>(), ["alert", "assessment", "corridor", "dead_letter"]);
}

#[test]
fn what_a_schema_requires_is_what_reading_requires() {
    let (shipment, flow) = (
        json!({ "kind": "shipment", "id": "A", "event_date": "2025-01-07", "destination": "US", "country_of_origin": "TH" }),
        json!({ "kind": "trade_flow", "reporter": "US", "partner": "TH", "flow": "import", "period": "2025-01", "hs": "282580", "net_mass_kg": 5 }),
    );
    for record in [shipment, flow] {
        let schemas = entrepot::encode::schemas();
        let name = format!("{}-1.json", record["kind"].as_str().unwrap());
        let schema: Value = serde_json::from_str(&schemas.iter().find(|(known, _)| *known == name).unwrap().1).unwrap();
        assert_eq!(misfit(&schema, &schema, &record), Ok(()));
        for member in record.as_object().unwrap().keys() {
            let mut less = record.clone();
            less.as_object_mut().unwrap().remove(member);
            assert!(misfit(&schema, &schema, &less).is_err(), "without {member}: {less}");
        }
    }
}
