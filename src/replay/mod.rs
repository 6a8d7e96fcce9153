//! Runs a bounded range again, from files or from the log, apart from the live group. Decides nothing about trade: the folds are
//! those of the service.

pub mod backtest;
mod bounded;
pub mod diff;
mod error;
pub mod explain;
mod gather;
mod glance;
mod homed;
mod known;
mod page;
mod range;
mod rerun;
pub mod simulate;
mod when;

pub use bounded::{Bounded, side_by_side};
pub use error::ReplayError;
pub use gather::{Gathered, Line, RunningHash, Sums, hash_of_file, wire_topic};
pub use glance::Glance;
pub use homed::Homed;
pub use known::{KnownMovements, MovementOrder, Stamp, Turn, stamp_of};
pub use page::document;
pub use range::{Between, ends, ranges};
pub use rerun::{Lost, Rerun, movement_output};
pub use when::{InvalidWhen, When};
