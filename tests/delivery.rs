//! Delivery: what is committed is there once, in order, whole; under faults, kills, several processes. Knows nothing of trade.

#[path = "delivery/embedded.rs"]
mod embedded;
#[path = "delivery/faults.rs"]
mod faults;
#[path = "delivery/kill.rs"]
mod kill;
#[path = "delivery/service.rs"]
mod service;
mod support;
