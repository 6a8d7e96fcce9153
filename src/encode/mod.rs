//! Movements and verdicts → bytes, with fixed key order; their JSON Schemas. Wire structs live here and in `decode` only.

mod canonical;
mod effects;

pub use canonical::canonical_record;
pub use effects::{DeadLetter, Effects, Output, Tally, Topic};
