//! JSON Schemas of the records in, made from the wire structs that read them. They say what a record may look like;
//! whether its values can be taken is said by reading it.

use serde_json::{Map, Value, json};

use super::canonical::ROLES;
use super::wire::WireRecord;
use crate::domain::{FlowKind, Valuation};

/// What a trade flow has. Anything else is noted as `unknown_field`.
const OF_FLOWS: [&str; 13] = [
    "kind",
    "reporter",
    "partner",
    "consignment_partner",
    "flow",
    "period",
    "hs",
    "hs_version",
    "net_mass_kg",
    "quantity",
    "customs_value",
    "valuation",
    "known_from",
];
/// What only a trade flow has.
const OF_FLOWS_ALONE: [&str; 3] = ["partner", "consignment_partner", "period"];

/// The schema of every record in, by the name of its file in `docs/schema/`.
pub fn record_schemas() -> [(&'static str, Value); 2] {
    let required = |names: &[&str]| names.iter().map(|name| json!({ "required": [name] })).collect::<Vec<_>>();
    let shipment = schema(
        ("shipment", "A line of a bill of lading or of a declaration. A cancellation needs no origin."),
        &["kind", "id", "event_date", "destination"],
        |name| !OF_FLOWS_ALONE.contains(&name),
    );
    let origins = ["country_of_origin", "country_of_consignment", "port_of_lading", "country_of_lading"];
    let mut origins = required(&origins);
    origins.push(json!({ "properties": { "status": { "const": "cancelled" } }, "required": ["status", "hs"] }));
    let flow = schema(
        ("trade_flow", "What a country's statistics tell of a period."),
        &["kind", "reporter", "partner", "flow", "period", "hs"],
        |name| OF_FLOWS.contains(&name),
    );
    let told = required(&["net_mass_kg", "quantity", "customs_value"]);
    [("shipment-1.json", with(shipment, "anyOf", origins.into())), ("trade_flow-1.json", with(flow, "anyOf", told.into()))]
}

fn schema((kind, description): (&str, &str), required: &[&str], has: impl Fn(&str) -> bool) -> Value {
    let mut properties: Map<String, Value> = WireRecord::members().into_iter().filter(|(name, _)| has(name)).collect();
    properties.insert("kind".to_owned(), json!({ "const": kind }));
    let words = |of: Vec<&str>| json!({ "enum": of });
    let closed = [
        ("status", words(vec!["active", "cancelled"])),
        ("flow", words(FlowKind::ALL.iter().map(|flow| flow.word()).collect())),
        ("valuation", words(Valuation::ALL.iter().map(|valuation| valuation.word()).collect())),
    ];
    for (name, words) in closed.into_iter().filter(|(name, _)| has(name)) {
        properties.insert(name.to_owned(), words);
    }
    if let Some(role) = properties.get_mut("parties").and_then(|parties| parties.pointer_mut("/items/properties/role")) {
        *role = words(ROLES.iter().map(|(word, _)| *word).collect());
    }
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": format!("{kind}/1"),
        "description": description,
        "type": "object",
        "properties": properties,
        "required": required,
    })
}

fn with(mut schema: Value, key: &str, value: Value) -> Value {
    if let Some(members) = schema.as_object_mut() {
        members.insert(key.to_owned(), value);
    }
    schema
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_member_that_is_read_stands_in_a_schema() {
        let schemas = record_schemas();
        for (name, _) in WireRecord::members() {
            let is_in = |(_, schema): &(&str, Value)| schema["properties"].get(&name).is_some();
            assert!(schemas.iter().any(is_in), "{name}");
        }
        assert!(OF_FLOWS.iter().all(|name| schemas[1].1["properties"].get(name).is_some()));
    }
}
