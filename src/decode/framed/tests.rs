//! Frames, both formats, and messages that other implementations wrote.

#![allow(clippy::unwrap_used, reason = "a test that panics has failed, which is its way to say so")]

use std::sync::LazyLock;

use expect_test::{Expect, expect};
use proptest::prelude::*;

use super::*;

const AVRO: &str = r#"{"type":"record","name":"Line","namespace":"trade","fields":[
  {"name":"id","type":"string"},{"name":"pieces","type":"int"},
  {"name":"grams","type":["null","long"]},{"name":"ratio","type":"float"},
  {"name":"mass","type":"double"},{"name":"is_empty","type":"boolean"},{"name":"seal","type":"bytes"},
  {"name":"digest","type":{"type":"fixed","name":"Digest","size":2}},
  {"name":"value","type":{"type":"bytes","logicalType":"decimal","precision":12,"scale":2}},
  {"name":"flow","type":{"type":"enum","name":"Flow","symbols":["import","export"]}},
  {"name":"on","type":{"type":"int","logicalType":"date"}},
  {"name":"at","type":{"type":"long","logicalType":"timestamp-millis"}},
  {"name":"by","type":{"type":"long","logicalType":"local-timestamp-micros"}},
  {"name":"hour","type":{"type":"int","logicalType":"time-millis"}},
  {"name":"boxes","type":{"type":"array","items":"string"}},{"name":"notes","type":{"type":"map","values":"Flow"}},
  {"name":"whole","type":["null","Line"]}]}"#;

const PROTO: &str = r#"syntax = "proto3"; package trade;
import "common/party.proto"; import "google/protobuf/timestamp.proto"; import "google/protobuf/wrappers.proto";
message Empty {}
message Bill {
  map<string, int64> weights = 1;
  message Line {
    string id = 1; repeated uint64 grams = 2; Flow flow = 3; bytes seal = 4; float ratio = 5; optional int32 zero = 6; }
  repeated Line lines = 2; Party shipper = 3; google.protobuf.Timestamp at = 4; google.protobuf.DoubleValue mass = 5;
}
enum Flow { FLOW_UNKNOWN = 0; FLOW_IMPORT = 1; }"#;

const PARTY: SchemaText<'_> =
    SchemaText { name: "common/party.proto", text: r#"syntax = "proto3"; package trade; message Party { string name = 1; }"# };

/// Compiled once: a schema takes longer than a thousand messages.
static SCHEMAS: LazyLock<Schemas> = LazyLock::new(schemas);

fn schemas() -> Schemas {
    let compile = |form, text, references: &[SchemaText<'_>]| {
        Answer::Schema(Arc::new(WriterSchema::compile(form, text, references).unwrap()))
    };
    let mut schemas = Schemas::default();
    schemas.insert(1, compile(Framed::Avro, AVRO, &[]));
    schemas.insert(2, compile(Framed::Protobuf, PROTO, &[PARTY]));
    schemas.insert(3, Answer::Unknown("the registry does not know it".to_owned()));
    let lists = r#"{"type":"array","items":"null"}"#;
    schemas.insert(4, compile(Framed::Avro, lists, &[]));
    schemas.insert(5, compile(Framed::Avro, r#"{"type":"record","name":"Self","fields":[{"name":"s","type":"Self"}]}"#, &[]));
    schemas
}

fn framed(id: u32, body: &[u8]) -> Vec<u8> {
    [&[MAGIC], id.to_be_bytes().as_slice(), body].concat()
}

#[track_caller]
fn check(form: Framed, message: &[u8], expected: Expect) {
    expected.assert_eq(&match SCHEMAS.open(form, message) {
        Ok(json) => json,
        Err(Unopened::Unasked(id)) => format!("unasked {id}"),
        Err(Unopened::Never(error)) => error.to_string(),
    });
}

/// A line with every type, by hand from the specification.
fn line() -> Vec<u8> {
    let mut body = vec![4, b'a', b'"', 5, 2, 0xac, 2];
    body.extend(0.1f32.to_le_bytes());
    body.extend(20455.25f64.to_le_bytes());
    body.extend([1, 4, 0xff, 0, 0xab, 0xcd]);
    // -12345, 2 behind the point; export; 2025-03-14.
    body.extend([4, 0xcf, 0xc7, 2, 0x82, 0xbb, 2]);
    // 1970-01-01T00:00:01.5Z, a microsecond before 1970, half past midnight.
    body.extend([0xb8, 0x17, 1, 0x80, 0xdd, 0xdb, 1]);
    // Two blocks, the second with its length in bytes.
    body.extend([2, 2, b'x', 1, 4, 2, b'y', 0]);
    body.extend([2, 2, b'k', 0, 0, 0]);
    body
}

#[test]
fn every_type_of_avro_has_its_form() {
    check(
        Framed::Avro,
        &framed(1, &line()),
        expect![[
            r#"{"id":"a\"","pieces":-3,"grams":150,"ratio":0.1,"mass":20455.25,"is_empty":true,"seal":"/wA=","digest":"q80=","value":"-123.45","flow":"export","on":"2025-03-14","at":"1970-01-01T00:00:01.5Z","by":"1969-12-31T23:59:59.999999","hour":"00:30:00","boxes":["x","y"],"notes":{"k":"import"},"whole":null}"#
        ]],
    );
}

#[test]
fn bytes_that_are_not_the_value_are_refused() {
    check(
        Framed::Avro,
        &framed(1, &[line(), vec![0]].concat()),
        expect!["malformed: by schema 1: 1 bytes are left behind the value"],
    );
    let cut = line();
    let cut = &cut[..cut.len() - 1];
    check(Framed::Avro, &framed(1, cut), expect!["malformed: by schema 1: whole: cut off: 1 bytes should follow, 0 do"]);
    check(Framed::Avro, &framed(1, &[1]), expect!["malformed: by schema 1: id: the length of a text is -1"]);
    check(Framed::Avro, &framed(1, &[2, 0xff]), expect!["malformed: by schema 1: id: a text is no UTF-8"]);
    check(Framed::Avro, &framed(1, &[0, 0, 4]), expect!["malformed: by schema 1: grams: branch 2 of a union of 2"]);
    // Six bytes that say half a million million nothings, and a type that holds itself.
    let body = [0x80, 0x80, 0x80, 0x80, 0x80, 0x20];
    check(Framed::Avro, &framed(4, &body), expect!["too_large: by schema 4: more than 16000000 bytes as JSON"]);
    check(Framed::Avro, &framed(5, &[]), expect!["too_large: by schema 5: nested more than 32 deep"]);
}

#[test]
fn frames_are_told_from_what_is_none() {
    check(Framed::Avro, &[], expect!["malformed: empty: there is no frame"]);
    check(Framed::Avro, b"{}", expect!["malformed: the first byte is 123; in the registry's frame it is 0"]);
    check(Framed::Avro, &[0, 0, 0, 1], expect!["malformed: cut off within the id of the schema"]);
    check(Framed::Avro, &framed(3, &[]), expect!["unknown_schema: schema 3: the registry does not know it"]);
    check(Framed::Avro, &framed(0x0102_0304, &[]), expect!["unasked 16909060"]);
    check(Framed::Avro, &framed(2, &[0]), expect!["unknown_schema: schema 2 is not one of the feed's format, avro"]);
    assert_eq!(schema_id(&framed(0x0102_0304, &[])), Some(0x0102_0304));
    assert_eq!(schema_id(b"{}"), None);
    let mut schemas = schemas();
    schemas.forget(3);
    assert_eq!(schemas.open(Framed::Avro, &framed(3, &[])), Err(Unopened::Unasked(3)));
}

#[test]
fn messages_of_protobuf_are_found_by_their_indexes() {
    // Bill is the second; its Line the first below it, though the map's entry stands before.
    check(Framed::Protobuf, &framed(2, &[4, 2, 0, 0x0a, 1, b'a', 0x18, 1]), expect![[r#"{"flow":"FLOW_IMPORT","id":"a"}"#]]);
    check(Framed::Protobuf, &framed(2, &[0]), expect!["{}"]);
    check(Framed::Protobuf, &framed(2, &[2, 0]), expect!["{}"]);
    check(Framed::Protobuf, &framed(2, &[2, 4]), expect!["malformed: by schema 2: the schema has no message [2]"]);
    check(Framed::Protobuf, &framed(2, &[4, 2, 4]), expect!["malformed: by schema 2: the schema has no message [1, 2]"]);
    check(Framed::Protobuf, &framed(2, &[1]), expect!["malformed: by schema 2: the count of message indexes is -1"]);
    check(Framed::Protobuf, &framed(2, &[80]), expect!["malformed: by schema 2: 40 message indexes; at most 32 are taken"]);
}

/// Java counts the nested messages of the text, where maps have none; a descriptor has one for each map, and so have texts made of it.
#[test]
fn entries_of_maps_are_counted_as_the_writer_counted_them() {
    const WITH_MAP: &str = r#"syntax = "proto3"; message Bill { map<string, int64> weights = 1;
      message Line { string id = 1; } message Note { int32 id = 1; } }"#;
    const WITH_ENTRY: &str = r#"syntax = "proto3"; message Bill { repeated WeightsEntry weights = 1;
      message WeightsEntry { option map_entry = true; string key = 1; int64 value = 2; }
      message Line { string id = 1; } message Note { int32 id = 1; } }"#;
    let mut schemas = Schemas::default();
    for (id, text) in [(1, WITH_MAP), (2, WITH_ENTRY)] {
        let schema = WriterSchema::compile(Framed::Protobuf, text, &[]).unwrap();
        schemas.insert(id, Answer::Schema(Arc::new(schema)));
    }
    let read = |id, body: &[u8]| schemas.open(Framed::Protobuf, &framed(id, body)).unwrap_or_else(|why| format!("{why:?}"));
    let (line, note) = ([0x0a, 1, b'a'], [0x08, 7]);
    let at = |index: u8, body: &[u8]| [&[4, 0, 2 * index], body].concat();
    assert_eq!(read(1, &at(0, &line)), r#"{"id":"a"}"#);
    assert_eq!(read(1, &at(1, &note)), r#"{"id":7}"#);
    assert_eq!(read(2, &at(1, &line)), r#"{"id":"a"}"#);
    assert_eq!(read(2, &at(2, &note)), r#"{"id":7}"#);
    // Counted the other way, the bytes tell.
    assert_eq!(read(1, &at(1, &line)), r#"{"id":"a"}"#);
    assert_eq!(read(1, &at(2, &note)), r#"{"id":7}"#);
    assert_eq!(read(2, &at(0, &line)), r#"{"id":"a"}"#);
    assert!(read(1, &at(1, &[0x10, 7])).contains("Note has no field 2"), "the way of the text is the one complained of");
    let map = [0, 0x0a, 5, 0x0a, 1, b'k', 0x10, 3];
    assert_eq!((read(1, &map).as_str(), read(2, &map).as_str()), (r#"{"weights":{"k":3}}"#, r#"{"weights":{"k":3}}"#));
}

#[test]
fn protobuf_nests_refers_and_knows_the_well_known() {
    let mut body = vec![2, 2];
    // Weights b and a, in that order.
    body.extend([0x0a, 5, 0x0a, 1, b'b', 0x10, 2, 0x0a, 5, 0x0a, 1, b'a', 0x10, 1]);
    body.extend([0x12, 15, 0x12, 3, 0xac, 2, 1, 0x22, 1, 0xff, 0x2d, 0xcd, 0xcc, 0xcc, 0x3d, 0x30, 0]);
    body.extend([0x1a, 3, 0x0a, 1, b'p', 0x22, 2, 0x08, 1, 0x2a, 9, 9]);
    body.extend(1.5f64.to_le_bytes());
    check(
        Framed::Protobuf,
        &framed(2, &body),
        expect![[
            r#"{"at":"1970-01-01T00:00:01Z","lines":[{"grams":[300,1],"ratio":0.1,"seal":"/w==","zero":0}],"mass":1.5,"shipper":{"name":"p"},"weights":{"a":1,"b":2}}"#
        ]],
    );
    check(
        Framed::Protobuf,
        &framed(2, &[2, 2, 0x1a, 2, 0x10, 1]),
        expect!["malformed: by schema 2: shipper: Party has no field 2"],
    );
    check(Framed::Protobuf, &framed(2, &[0, 0x08, 1]), expect!["malformed: by schema 2: Empty has no field 1"]);
}

#[test]
fn schemas_that_are_none_say_why() {
    let compile = |form, text: &str, references: &[SchemaText<'_>]| WriterSchema::compile(form, text, references).map(|_| ());
    for text in ["", "7", "{}", r#""no.such""#, r#"[["null"]]"#, r#"{"type":"fixed","name":"f","size":-1}"#] {
        assert!(compile(Framed::Avro, text, &[]).unwrap_err().starts_with("no Avro schema: "), "{text}");
    }
    let party =
        SchemaText { name: "Party", text: r#"{"type":"record","name":"a.Party","fields":[{"name":"n","type":"string"}]}"# };
    let holder = r#"{"type":"record","name":"a.Bill","fields":[{"name":"p","type":"Party"}]}"#;
    assert_eq!(compile(Framed::Avro, holder, &[party]), Ok(()));
    assert!(compile(Framed::Avro, holder, &[]).unwrap_err().contains("\"Party\""));
    assert!(compile(Framed::Protobuf, PROTO, &[]).unwrap_err().starts_with("no Protobuf schema: "));
    assert!(compile(Framed::Protobuf, "message", &[]).is_err());
}

proptest! {
    #[test]
    fn any_bytes_give_json_or_a_reason(
            id in 0u32..6,
            body in proptest::collection::vec(any::<u8>(), 0..80),
            at in 0usize..60,
            byte: u8,
        ) {
        let mut changed = line();
        if let Some(there) = changed.get_mut(at) {
            *there = byte;
        }
        for message in [framed(id, &body), framed(1, &changed), framed(2, &[&[2, 2], body.as_slice()].concat()), body.clone()] {
            for form in [Framed::Avro, Framed::Protobuf] {
                if let Ok(json) = SCHEMAS.open(form, &message) {
                    prop_assert!(serde_json::from_str::<serde_json::Value>(&json).is_ok(), "{}", json);
                }
            }
        }
    }
}
