//! What a family remembers: cells, record detail, what is dirty. Keeps and adds up; judges nothing.

mod books;
mod corridors;
mod dirty;
mod family;
mod flows;
mod shipment;
mod shipments;
mod sums;
mod ways;

pub use books::{Account, Books, CellRef, Leg, Line, Read, RecordFacts, Series, Side};
pub use dirty::{AccountOfWay, Touched};
pub use family::{CorridorMonth, FamilyLedger, Outcome, RecordId};
pub use flows::Folded;
pub use shipment::{Published, Shipment, ShipmentVersion};
pub use shipments::ShipmentKey;
#[cfg(test)]
pub(crate) use {flows::FlowVersion, ways::Ways};
