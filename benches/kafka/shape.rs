//! What ingest writes for a record of the sample, on average: for a loop that writes as much and thinks nothing. Writes nothing itself.

use entrepot::decode::Decoder;

use crate::world;

/// One record in so many is looked at.
const EVERY: usize = 20;

/// Messages as ingest makes them.
pub(crate) struct Shape {
    /// Messages for a record.
    pub(crate) messages: f64,
    /// Bytes of the value of each.
    pub(crate) bytes: usize,
    /// Headers of each, as long as ours.
    pub(crate) headers: Vec<(&'static str, String)>,
}

impl Shape {
    /// Of movements of a world of so many records.
    pub(crate) fn of_movements(records: u64) -> Shape {
        let ingest = world::ingest("sim", Decoder::canonical(false));
        let raw = world::raw(usize::try_from(records).unwrap_or(usize::MAX));
        let looked_at = raw.iter().step_by(EVERY);
        let sizes: Vec<usize> =
            looked_at.clone().flat_map(|message| ingest.apply(message).outputs).map(|output| output.value.len()).collect();
        let headers = [
            ("content-type", "application/json"),
            ("entrepot-schema", "movement/1"),
            ("entrepot-source", "sim/11/12345"),
            ("entrepot-input", "sim/11/12345"),
            ("entrepot-build", "0.1.0"),
        ];
        Shape {
            messages: sizes.len() as f64 / looked_at.len().max(1) as f64,
            bytes: sizes.iter().sum::<usize>() / sizes.len().max(1),
            headers: headers.map(|(key, value)| (key, value.to_owned())).into(),
        }
    }
}
