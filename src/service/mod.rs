//! What `run` is beside its workers: metrics, health, ticks, the lease, the end. Decides nothing about trade.

mod clock;
mod error;
mod health;
mod http;
mod metrics;
mod notify;
mod retention;
mod run;

pub use clock::Clock;
pub use error::ServiceError;
pub use health::Health;
pub use http::{Pages, bind, serve};
pub use metrics::{BuildInfo, Labels, Metrics};
pub use run::{Running, Settings, Ticks, interrupted, start};
