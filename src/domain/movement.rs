//! What stands on `movements`: a record as one family sees it, or a tick.

use super::{
    Country, Date, FamilyId, FeedName, FlowKind, Grams, HsCode, HsSubheading, Period, Port, Position, QualitySet, Status,
    Timestamp,
};

/// A record as one family sees it: all that the assess stage reads. A tick is not one, since it stands in no family.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Movement {
    /// The commodity family, the key.
    pub family: FamilyId,
    /// Whether it is counted there, or only evidence.
    pub standing: Standing,
    /// The feed it came from.
    pub feed: FeedName,
    /// When its source made it public.
    pub known_from: Timestamp,
    /// Hash of what it claims, without `known_from` and position: equal content is a duplicate.
    pub content: u64,
    /// The raw message it was read from.
    pub source: Position,
    /// The subheading of HS 2022; of a code with several successors the code as declared.
    pub hs6: HsSubheading,
    /// Mass for the books: net, else gross; absent where it may not be used.
    pub mass: Option<Grams>,
    /// Value in US cents at the month's exchange rate, where there is one.
    pub value_cents: Option<u64>,
    /// What is wrong with it.
    pub quality: QualitySet,
    /// Whether its feed tells all of its trade.
    pub complete: bool,
    /// What was claimed.
    pub body: MovementBody,
}

/// How a record stands in a family.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
pub enum Standing {
    /// Counted and assessed there.
    Home,
    /// Evidence only.
    Context,
}

impl Standing {
    /// The word on the wire.
    pub fn word(self) -> &'static str {
        match self {
            Standing::Home => "home",
            Standing::Context => "context",
        }
    }
}

/// What was claimed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MovementBody {
    /// A shipment.
    Shipment(ShipmentFacts),
    /// A trade flow.
    TradeFlow(FlowFacts),
}

/// What the fold reads of a shipment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShipmentFacts {
    /// `<feed>:<id>`.
    pub id: String,
    /// Counts the versions of the id.
    pub revision: u32,
    /// Whether it holds.
    pub status: Status,
    /// Which side of the trade its feed tells.
    pub flow: FlowKind,
    /// When the goods moved.
    pub event_date: Date,
    /// Declared origin.
    pub country_of_origin: Option<Country>,
    /// Whence dispatched.
    pub country_of_consignment: Option<Country>,
    /// The country of lading, of the port or where only the country is known.
    pub country_of_lading: Option<Country>,
    /// Where they go.
    pub destination: Country,
    /// Where the carrier took over.
    pub place_of_receipt: Option<Port>,
    /// Where loaded.
    pub port_of_lading: Option<Port>,
    /// Ports between, in order.
    pub transit_ports: Vec<Port>,
}

impl ShipmentFacts {
    /// Whence and whither.
    pub fn route(&self) -> Route {
        let declared = [self.country_of_origin, self.country_of_consignment, self.country_of_lading];
        Route { declared, destination: self.destination }
    }
}

/// Whence a shipment may come, and whither it goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Route {
    /// The declared origin, the consignment, the country of lading.
    pub declared: [Option<Country>; 3],
    /// D.
    pub destination: Country,
}

impl Route {
    /// M: the declared origin, else the consignment, else the country of lading.
    pub fn intermediary(&self) -> Option<Country> {
        self.declared.into_iter().flatten().find(|country| country.is_known())
    }

    /// Leaves an intermediary for a destination, neither of them China and not the same: such a shipment is assessed.
    pub fn leaves_intermediary(&self) -> bool {
        let apart = |m: Country| m != self.destination && !m.is_china();
        self.intermediary().is_some_and(apart) && !self.destination.is_china() && self.destination.is_known()
    }
}

/// What the fold reads of a trade flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FlowFacts {
    /// Whose statistics.
    pub reporter: Country,
    /// The other side.
    pub partner: Country,
    /// The direction.
    pub flow: FlowKind,
    /// What it sums up.
    pub period: Period,
    /// The code as declared.
    pub hs: HsCode,
}

impl FlowFacts {
    /// `reporter/flow/partner/hs/period`.
    pub fn id(&self) -> String {
        // Ten are named behind most evidence, so they are put together without formatting.
        let FlowFacts { reporter, flow, partner, hs, period } = self;
        let parts = [reporter.code(), "/", flow.word(), "/", partner.code(), "/", hs.digits(), "/"];
        period.with_text(|period| parts.concat() + period)
    }

    /// Whence the goods came and whither they went.
    pub fn way(&self) -> (Country, Country) {
        if self.flow.is_import() { (self.partner, self.reporter) } else { (self.reporter, self.partner) }
    }
}

#[cfg(test)]
impl ShipmentFacts {
    /// A bill of goods of TH for the US. A test changes what it is about.
    pub(crate) fn told(id: &str, event_date: &str) -> ShipmentFacts {
        ShipmentFacts {
            id: id.to_owned(),
            revision: 1,
            status: Status::Active,
            flow: FlowKind::Import,
            event_date: event_date.parse().unwrap(),
            country_of_origin: Some("TH".parse().unwrap()),
            country_of_consignment: None,
            country_of_lading: None,
            destination: "US".parse().unwrap(),
            place_of_receipt: None,
            port_of_lading: None,
            transit_ports: Vec::new(),
        }
    }
}

#[cfg(test)]
impl Movement {
    /// So many tonnes of antimony, as `FEED/REPORTER/FLOW/PARTNER/HS/PERIOD` says. A test changes what it is about.
    pub(crate) fn told(text: &str, tonnes: u64) -> Movement {
        let parts: Vec<&str> = text.split('/').collect();
        let [feed, reporter, flow, partner, hs, period] = parts.as_slice() else { panic!("{text}") };
        let hs: HsCode = hs.parse().unwrap();
        let (reporter, partner, period) = (reporter.parse().unwrap(), partner.parse().unwrap(), period.parse().unwrap());
        let body = MovementBody::TradeFlow(FlowFacts { reporter, partner, flow: flow.parse().unwrap(), period, hs });
        Movement {
            family: "SB".parse().unwrap(),
            standing: Standing::Home,
            feed: feed.parse().unwrap(),
            known_from: "2025-01-01T00:00:00Z".parse().unwrap(),
            content: 0,
            source: Position { topic: "raw".into(), partition: 0, offset: 0 },
            hs6: hs.subheading(),
            mass: Some(Grams(tonnes * 1_000_000)),
            value_cents: None,
            quality: QualitySet::default(),
            complete: false,
            body,
        }
    }
}
