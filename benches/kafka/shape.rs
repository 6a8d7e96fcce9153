//! What ingest writes for a record of the sample, on average: for a loop that writes as much and thinks nothing. Writes nothing itself.

use entrepot::decode::Decoder;

use crate::world;

/// Records that are looked at.
const SAMPLE: usize = 5_000;

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
    /// Of movements.
    pub(crate) fn of_movements() -> Shape {
        let ingest = world::ingest("sim", Decoder::canonical(false));
        let sizes: Vec<usize> = world::raw(SAMPLE)
            .iter()
            .flat_map(|message| ingest.apply(message).outputs)
            .map(|output| output.value.len())
            .collect();
        let headers = [
            ("content-type", "application/json"),
            ("entrepot-schema", "movement/1"),
            ("entrepot-source", "sim/11/12345"),
            ("entrepot-input", "sim/11/12345"),
            ("entrepot-build", "0.1.0"),
        ];
        Shape {
            messages: sizes.len() as f64 / SAMPLE as f64,
            bytes: sizes.iter().sum::<usize>() / sizes.len().max(1),
            headers: headers.map(|(key, value)| (key, value.to_owned())).into(),
        }
    }
}
