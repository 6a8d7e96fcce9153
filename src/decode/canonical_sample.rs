//! What becomes of canonical JSON, row by row and field by field: the same form that a mapping's sample has.

use std::collections::BTreeSet;

use serde_json::Value;

use super::mapping::{Evidenced, Layers, Sample, SampleField};
use super::{Decoded, Decoder, Piece, Row, Surroundings, canonical_record};
use crate::domain::{Message, Position};

/// What becomes of the first messages of a file.
pub(super) fn sample(decoder: &Decoder, pieces: &[Piece<'_>], around: &Surroundings<'_>) -> Sample {
    let mut sample = Sample::of(Layers::of(Evidenced::default()));
    let mut unread = BTreeSet::new();
    let mut evidenced = Evidenced::default();
    for piece in pieces {
        let position = Position { topic: "sample".into(), partition: 0, offset: i64::try_from(piece.row).unwrap_or(0) };
        let message = Message { position, timestamp: None, key: None, value: Some(piece.bytes.to_vec()), headers: Vec::new() };
        let rows = match decoder.decode(&message, around) {
            Decoded::Unreadable(error) => vec![Row::Failed(error)],
            Decoded::Rows(rows) => rows,
        };
        let told = records(&piece.bytes);
        for (index, row) in rows.iter().enumerate() {
            let fields = told.get(index).map(fields).unwrap_or_default();
            if let Row::Claim(claim) = row {
                let taken = records(&canonical_record(claim));
                let taken = taken.first().and_then(Value::as_object);
                let has = |name: &str| taken.is_some_and(|taken| taken.contains_key(name));
                evidenced.add(has);
                let left = fields.iter().filter(|field| field.text.is_some() && !has(&field.field));
                unread.extend(left.map(|field| field.field.clone()));
            }
            sample.note(piece.row, row, fields);
        }
    }
    sample.unread = unread.into_iter().collect();
    sample.layers = Layers::of(evidenced);
    sample
}

/// The records of a message: it is one, or a list of them. Nothing where it is no JSON.
fn records(bytes: &[u8]) -> Vec<Value> {
    match serde_json::from_slice(bytes) {
        Ok(Value::Array(records)) => records,
        Ok(record) => vec![record],
        Err(_) => Vec::new(),
    }
}

/// The members of a record by name, as they stand.
fn fields(record: &Value) -> Vec<SampleField> {
    let text = |value: &Value| match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    };
    let members = record.as_object().into_iter().flatten();
    members.map(|(name, value)| SampleField { field: name.clone(), from: name.clone(), text: text(value) }).collect()
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;
    use crate::reference::Reference;

    #[test]
    fn canonical_json_is_shown_as_a_mapping_would_be() {
        let text = r#"{"kind":"shipment","id":"A/1","event_date":"2025-03-14","hs":"282580","country_of_origin":"TH","destination":"US","port_of_lading":"CNNGB","net_mass_kg":5,"colour":"red","marks":null}
[{"kind":"trade_flow","reporter":"US","partner":"TH","flow":"import","period":"2025-02","hs":"282580","customs_value":{"amount":"7","currency":"USD"}},7]
nonsense
{"kind":"tick"}"#;
        let around = Surroundings { reference: Reference::built_in(), default_lag_days: 30, file_name: None };
        let sample = Decoder::canonical(false).sample(text.as_bytes(), 3, &around);
        expect![[r#"
            row 1: {"kind":"shipment","id":"A/1","revision":1,"status":"active","event_date":"2025-03-14","known_from":"2025-04-13T00:00:00Z","flow":"import","hs":"282580","hs_version":"2022","country_of_origin":"TH","destination":"US","port_of_lading":"CNNGB","net_mass_kg":5} unknown_field
              colour                 colour                       red
              country_of_origin      country_of_origin            TH
              destination            destination                  US
              event_date             event_date                   2025-03-14
              hs                     hs                           282580
              id                     id                           A/1
              kind                   kind                         shipment
              marks                  marks                        (null)
              net_mass_kg            net_mass_kg                  5
              port_of_lading         port_of_lading               CNNGB
            row 2: {"kind":"trade_flow","reporter":"US","partner":"TH","flow":"import","period":"2025-02","hs":"282580","hs_version":"2022","customs_value":{"amount":"7","currency":"USD"},"known_from":"2025-03-30T00:00:00Z"} no_mass
              customs_value          customs_value                {"amount":"7","currency":"USD"}
              flow                   flow                         import
              hs                     hs                           282580
              kind                   kind                         trade_flow
              partner                partner                      TH
              period                 period                       2025-02
              reporter               reporter                     US
            row 2: dead_letter malformed: no canonical record: invalid type: integer `7`, expected an object at line 1 column 1
            row 3: dead_letter malformed: no canonical record: expected ident at line 1 column 2
            not read: colour
                   2 dead_letter malformed
                   2 taken
                   1 of those taken marked no_mass
                   1 of those taken marked unknown_field
              record    can be observed: shipments with a declared origin and a route
              entity    not_observable: no parties
              corridor  not_observable: sums of trade in value alone: no mass balance
              time      not_observable: sums of trade in value alone: prices move them
        "#]].assert_eq(&sample.to_string());
    }

    #[test]
    fn layers_of_sums_need_mass_in_a_sum() {
        let flow = |amount: &str| {
            format!(
                r#"{{"kind":"trade_flow","reporter":"US","partner":"TH","flow":"import","period":"2025-02","hs":"282580",{amount}}}"#
            )
        };
        let around = Surroundings { reference: Reference::built_in(), default_lag_days: 30, file_name: None };
        for (amount, can) in [
            (r#""net_mass_kg":5"#, true),
            (r#""quantity":{"value":5,"unit":"TNE"}"#, true),
            (r#""quantity":{"value":5,"unit":"NMB"}"#, false),
        ] {
            let shown = Decoder::canonical(false).sample(flow(amount).as_bytes(), 3, &around).to_string();
            for layer in ["corridor", "time"] {
                assert_eq!(shown.contains(&format!("{layer:9} can be observed")), can, "{amount}: {shown}");
            }
        }
    }
}
