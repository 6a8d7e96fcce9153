//! Movements and verdicts → bytes, with fixed key order; their JSON Schemas. Wire structs live here and in `decode` only.

mod effects;

pub use effects::{DeadLetter, Effects, Output, Tally, Topic};
