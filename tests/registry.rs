//! Feeds whose messages stand in a schema registry's frame: what others wrote, the registry as it answers and as it does not, and that
//! nothing is lost meanwhile.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that finds something else than it expects stops there")]

#[path = "support/double.rs"]
mod double;
#[path = "support/framed.rs"]
mod framed;
#[path = "support/house.rs"]
mod house;

#[path = "registry/asking.rs"]
mod asking;
#[path = "registry/bounded.rs"]
mod bounded;
#[path = "registry/golden.rs"]
mod golden;
#[path = "registry/serving.rs"]
mod serving;
