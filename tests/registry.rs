//! Feeds whose messages stand in a schema registry's frame: what others wrote.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that finds something else than it expects stops there")]

#[path = "registry/golden.rs"]
mod golden;
