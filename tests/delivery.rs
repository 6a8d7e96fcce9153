//! Delivery: what is committed is there once, in order, whole; under faults, kills, several processes. Knows nothing of trade.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::float_cmp,
    reason = "a test that panics has failed, which is its way to say so"
)]
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that meets what it does not expect has failed")]

#[path = "delivery/embedded.rs"]
mod embedded;
#[path = "delivery/faults.rs"]
mod faults;
#[path = "delivery/kill.rs"]
mod kill;
#[path = "delivery/retention.rs"]
mod retention;
#[path = "delivery/service.rs"]
mod service;
mod support;
#[path = "delivery/time.rs"]
mod time;
