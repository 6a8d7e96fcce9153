//! What is claimed about goods: types that cannot be wrong. No I/O, no clock, no formats of feeds.

mod claim;
mod commodity;
mod container;
mod corridor;
mod country;
pub(crate) mod kept;
mod message;
mod money;
mod movement;
mod party;
mod place;
mod quality;
mod quantity;
mod rec20;
mod time;

pub use claim::{BillOfLading, Claim, FlowKind, Record, Shipment, Status, TradeFlow, Valuation};
pub use commodity::{FamilyId, HsCode, HsSubheading, HsVersion, InvalidFamily, InvalidHsCode};
pub use container::{Container, ContainerNumber, InvalidContainerNumber};
pub use corridor::{Band, CorridorId, InvalidCorridor};
pub use country::{Country, InvalidCountry};
pub use message::{FIRST_TIMESTAMP, FeedName, Header, InvalidFeedName, InvalidPosition, Message, Offset, Partition, Position};
pub use money::{Currency, Decimal, InvalidMoney, Money};
pub use movement::{FlowFacts, Movement, MovementBody, Route, ShipmentFacts, Standing};
pub use party::{Party, Role, comparable_name};
pub use place::{InvalidPort, Port};
pub use quality::{DeadLetterReason, Degrade, ExcludedReason, QualitySet};
pub use quantity::{Grams, InvalidMass, Quantity, Unit};
pub use time::{Date, InvalidPeriod, Month, Period, Timestamp};
