//! The bodies of the fuzz targets. `tests/fuzz_bodies.rs` runs the same ones, bounded, on stable. A body takes any bytes and panics
//! where a promise breaks: total, deterministic, and every refusal says why.

use std::sync::OnceLock;

use entrepot::decode::canonical_record;
use entrepot::decode::{Decoded, Decoder, Mapping, Row, Surroundings, built_in_mappings, movement};
use entrepot::domain::{Message, Position};
use entrepot::reference::Reference;

/// A body and its name, which is that of its target and of its folder in `corpus/`.
pub(crate) type Body = (&'static str, fn(&[u8]));

/// All of them.
pub(crate) const ALL: [Body; 5] = [
    ("canonical", canonical),
    ("mappings", mappings),
    ("mapping_parse", mapping_parse),
    ("movement", movement_read),
    ("config", config),
];

/// Canonical JSON: rows or an error; what was taken is taken again from its own canonical form.
pub(crate) fn canonical(bytes: &[u8]) {
    let decoder = Decoder::canonical(false);
    let Decoded::Rows(rows) = decoded(&decoder, bytes) else { return };
    for row in rows {
        let Row::Claim(claim) = row else { continue };
        let written = canonical_record(&claim);
        let again = decoded(&decoder, &written);
        let Decoded::Rows(again) = &again else { panic!("not read again: {}: {again:?}", shown(&written)) };
        match again.as_slice() {
            [Row::Claim(same)] => assert_eq!(shown(&canonical_record(same)), shown(&written)),
            other => panic!("not taken again: {}: {other:?}", shown(&written)),
        }
    }
}

/// Every shipped mapping, on the bytes as one message and as a file that is cut into messages.
pub(crate) fn mappings(bytes: &[u8]) {
    static DECODERS: OnceLock<Vec<Decoder>> = OnceLock::new();
    let read = |text| Decoder::mapped(Mapping::parse(text).expect("shipped mappings are valid"), false);
    let decoders = DECODERS.get_or_init(|| built_in_mappings().iter().map(|(_, text)| read(text)).collect());
    for decoder in decoders {
        decoded(decoder, bytes);
        for piece in decoder.split_file(bytes).take(100) {
            decoded(decoder, &piece.bytes);
        }
    }
}

/// A mapping's text: a mapping, or an error that names a line of the text. A mapping that is taken can be used.
pub(crate) fn mapping_parse(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    match Mapping::parse(text) {
        Ok(mapping) => {
            mapping.run_examples(Reference::built_in());
            decoded(&Decoder::mapped(mapping, false), bytes);
        }
        Err(error) => {
            assert!(error.line <= text.lines().count() + 1, "{error}");
            assert!(!error.problem.is_empty() && !error.key.is_empty(), "{error}");
        }
    }
}

/// What stands on `movements`: read, or said to be broken.
pub(crate) fn movement_read(bytes: &[u8]) {
    let first = movement::read(bytes);
    assert_eq!(first, movement::read(bytes));
    if let Err(error) = first {
        assert!(!error.detail.is_empty());
    }
}

/// A configuration as a file, and line by line as `--set` takes it.
pub(crate) fn config(bytes: &[u8]) {
    let path = std::env::temp_dir().join(format!("entrepot-fuzz-{}.toml", std::process::id()));
    std::fs::write(&path, bytes).expect("the folder for temporary files can be written");
    if let Err(error) = entrepot::config::load(Some(&path), &[]) {
        assert!(!error.to_string().is_empty());
    }
    std::fs::write(&path, "").expect("the folder for temporary files can be written");
    let set: Vec<String> = String::from_utf8_lossy(bytes).lines().take(20).map(str::to_owned).collect();
    if let Err(error) = entrepot::config::load(Some(&path), &set) {
        assert!(!error.to_string().is_empty());
    }
    std::fs::remove_file(&path).expect("what was written can be removed");
}

/// Decodes twice: the same both times, and every refusal with its detail.
fn decoded(decoder: &Decoder, bytes: &[u8]) -> Decoded {
    let position = Position { topic: "fuzz".into(), partition: 0, offset: 1 };
    let message = Message { position, timestamp: None, key: None, value: Some(bytes.to_vec()), headers: Vec::new() };
    let around = Surroundings { reference: Reference::built_in(), default_lag_days: 45, file_name: None };
    let found = decoder.decode(&message, &around);
    assert_eq!(found, decoder.decode(&message, &around));
    let failures: Vec<_> = match &found {
        Decoded::Unreadable(error) => vec![error],
        Decoded::Rows(rows) => rows
            .iter()
            .filter_map(|row| match row {
                Row::Failed(error) => Some(error),
                _ => None,
            })
            .collect(),
    };
    failures.iter().for_each(|error| assert!(!error.detail.is_empty(), "{}", error.reason));
    found
}

fn shown(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
