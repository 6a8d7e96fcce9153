//! What a family remembers: cells, record detail, what is dirty. Keeps and adds up; judges nothing.

mod books;
mod family;
mod flows;
mod inbound;
mod shipments;

pub use books::{Account, Books, CellRef, Leg, Line, RecordFacts, Series};
pub use family::{CorridorMonth, FamilyLedger, Outcome};
pub use flows::Folded;
pub use inbound::View;
pub use shipments::{Published, Shipment, ShipmentKey, ShipmentVersion, shipment_key};
