//! Feeds whose messages stand in a schema registry's frame: what others wrote, and the registry as it answers and as it
//! does not.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that finds something else than it expects stops there")]

#[path = "support/double.rs"]
mod double;

#[path = "registry/asking.rs"]
mod asking;
#[path = "registry/golden.rs"]
mod golden;
