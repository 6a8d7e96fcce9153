//! What `run` is beside its workers: metrics, health, ticks, the lease, the end. Decides nothing about trade.

mod health;
mod http;
mod metrics;
mod run;

pub use health::Health;
pub use http::{Pages, bind, serve};
pub use metrics::{BuildInfo, Labels, Metrics};
pub use run::{Running, ServiceError, Settings, Ticks, interrupted, start};
