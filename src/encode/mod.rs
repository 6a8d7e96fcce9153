//! Movements and verdicts → bytes, with fixed key order; their JSON Schemas. Wire structs live here and in `decode` only.

mod corridor;
mod effects;
mod movement;
mod schema;
mod standing;
mod verdict;
mod write;

pub use corridor::{BalanceWire, ByBandWire, ShipmentsWire};
pub use effects::{DeadLetter, DeadLetterWire, Effects, Output, Tally, Topic};
pub use movement::{Normalised, TICK_KEY, movements, tick};
pub use schema::schemas;
pub use standing::{CaseStanding, Standing, made_by, renumbered};
pub use verdict::{
    AlertWire, AssessmentWire, CorridorRefWire, CorridorWire, EvidenceWire, ProvenanceWire, Records, Shown, VerdictWire, rounded,
    serialized,
};
pub use write::{Spoken, words};
