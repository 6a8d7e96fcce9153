//! The bundled sample: files and the feeds that read them, compiled in. What they are stands in their manifest.

use serde::Deserialize;

use crate::config::{Feed, MappingSource};
use crate::domain::FeedName;

const MANIFEST: &str = include_str!("../../config/sample/sample.toml");

/// The bytes of the files that the manifest names: a file is compiled in by name.
const BYTES: &[(&str, &[u8])] = &[
    ("antimony.ndjson", include_bytes!("../../config/sample/antimony.ndjson")),
    ("world.ndjson", include_bytes!("../../config/sample/world.ndjson")),
    ("bad.ndjson", include_bytes!("../../config/sample/bad.ndjson")),
    ("bad-future.ndjson", include_bytes!("../../config/sample/bad-future.ndjson")),
    ("bad-census.json", include_bytes!("../../config/sample/bad-census.json")),
    ("bad-census-schema.json", include_bytes!("../../config/sample/bad-census-schema.json")),
    ("bad-census-html.json", include_bytes!("../../config/sample/bad-census-html.json")),
    ("bad-amendments.csv", include_bytes!("../../config/sample/bad-amendments.csv")),
];

/// Mappings that only the sample needs, by name.
pub(super) const MAPPINGS: [(&str, &str); 1] = [("sample-amendments", include_str!("../../config/sample/amendments.toml"))];

#[derive(Deserialize)]
struct Manifest {
    file: Vec<SampleFile>,
}

/// A file of the sample.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SampleFile {
    /// Its name.
    pub(super) path: String,
    /// The feed that reads it.
    pub(super) feed: String,
    /// How it is read.
    mapping: String,
}

impl SampleFile {
    /// Its bytes.
    pub(super) fn bytes(&self) -> &'static [u8] {
        let found = BYTES.iter().find(|(name, _)| *name == self.path);
        found.expect("every file of the manifest is compiled in, which a test proves").1
    }
}

/// The files, in the order in which they are fed.
pub(super) fn files() -> Vec<SampleFile> {
    let manifest: Manifest = toml::from_str(MANIFEST).expect("the manifest is ours, and a test reads it");
    manifest.file
}

/// The feeds of the sample, each once.
pub(super) fn feeds() -> Vec<Feed> {
    let mut feeds: Vec<Feed> = Vec::new();
    for file in files() {
        let name = FeedName::from_stem(&file.feed);
        if !feeds.iter().any(|feed| feed.name == name) {
            let topic = name.to_string();
            let mapping = MappingSource::from_text(&file.mapping);
            feeds.push(Feed { name, topic, format: None, mapping, corrections: false });
        }
    }
    feeds
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_of_the_manifest_is_compiled_in_and_every_feed_can_be_read() {
        assert!(files().iter().all(|file| !file.bytes().is_empty()));
        for feed in feeds() {
            let reading = super::super::reading::Reading::of_feed(&feed).unwrap();
            assert!(reading.prove(crate::reference::Reference::built_in()).is_ok(), "the examples of {} come out", feed.mapping);
        }
    }

    #[test]
    fn every_bad_row_of_the_sample_ends_as_announced() {
        use super::super::reading::Reading;
        use crate::decode::{Decoded, Piece, Row, Surroundings};
        use crate::domain::{Message, Position};
        use crate::reference::Reference;

        let announced = include_str!("../../config/sample/bad.expected.csv");
        let mut expected: Vec<&str> = announced.lines().skip(1).collect();
        assert_eq!(expected.len(), 20);
        let around = Surroundings { reference: Reference::built_in(), default_lag_days: 45, file_name: None };
        for file in files().iter().filter(|file| file.path.starts_with("bad")) {
            let reading = Reading::named(&file.mapping).unwrap();
            let (decoder, mut cutter) = (reading.decoder(), reading.cutter());
            let mut pieces: Vec<Piece<'_>> = Vec::new();
            cutter.push(file.bytes(), &mut |piece| pieces.push(piece.into_owned()));
            cutter.finish(&mut |piece| pieces.push(piece.into_owned()));
            for Piece { row, bytes, .. } in pieces {
                let position = Position { topic: "sample".into(), partition: 0, offset: i64::try_from(row).unwrap() };
                let timestamp = "2026-01-01T00:00:00Z".parse().ok();
                let message = Message { position, timestamp, key: None, value: Some(bytes.into_owned()), headers: Vec::new() };
                let outcome = match decoder.decode(&message, &around) {
                    Decoded::Unreadable(error) => format!("dead_letter,{}", error.reason.code()),
                    Decoded::Rows(rows) => match rows.as_slice() {
                        [Row::Failed(error)] => format!("dead_letter,{}", error.reason.code()),
                        [Row::Excluded(reason)] => format!("excluded,{}", reason.code()),
                        other => panic!("{} {row}: {other:?}", file.path),
                    },
                };
                let line = format!("{},{row},{outcome},", file.path);
                let place = expected.iter().position(|expected| expected.starts_with(&line));
                expected.remove(place.unwrap_or_else(|| panic!("{line} is not announced")));
            }
        }
        assert_eq!(expected, Vec::<&str>::new(), "announced, and not there");
    }
}
