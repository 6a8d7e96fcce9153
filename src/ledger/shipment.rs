//! One shipment: its versions, and which one holds. Millions are kept, so each is kept small.

use super::flows::Folded;
use crate::domain::{
    Band, Country, Date, FlowKind, Grams, HsSubheading, Month, Movement, Port, QualitySet, Route, ShipmentFacts, Standing,
    Status, Timestamp,
};

/// From, to, month.
pub(super) type WayMonth = (Country, Country, Month);

/// By which versions of an id are ordered: revision, knowledge, content.
type Rank = (u32, i64, u64);

/// A version of a shipment.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[expect(clippy::box_collection, reason = "eight bytes instead of 24 where there is none, as of most")]
pub struct ShipmentVersion {
    /// Counts the versions of the id.
    pub revision: u32,
    /// Whether it holds.
    pub status: Status,
    /// Which side of the trade its feed tells.
    pub(super) flow: FlowKind,
    /// When the goods moved.
    #[serde(with = "crate::domain::kept::date")]
    pub event_date: Date,
    /// Whence and whither.
    pub route: Route,
    /// Where the carrier took over.
    pub place_of_receipt: Option<Port>,
    /// Where loaded.
    pub port_of_lading: Option<Port>,
    /// Ports between, in order. Few bills name any.
    transit_ports: Option<Box<Vec<Port>>>,
    /// When it became known, in microseconds since 1970.
    known_from: i64,
    /// Hash of what it says.
    pub(super) content: u64,
    /// The subheading.
    pub hs6: HsSubheading,
    /// What is wrong with it.
    pub quality: QualitySet,
    /// Whether its feed tells all of its trade.
    pub(super) complete: bool,
    /// Whether it is counted and assessed in this family, or only evidence there.
    standing: Standing,
    /// The raw message: its topic among those known, partition, offset.
    pub(super) topic: u16,
    pub(super) partition: i32,
    pub(super) offset: i64,
    /// Mass that may be used, in grams; `u64::MAX` where there is none.
    grams: u64,
    /// Value in US cents, likewise.
    cents: u64,
}

const NOT_TOLD: u64 = u64::MAX;

impl ShipmentVersion {
    pub(super) fn new(movement: &Movement, facts: &ShipmentFacts, topic: u16) -> ShipmentVersion {
        ShipmentVersion {
            revision: facts.revision,
            status: facts.status,
            flow: facts.flow,
            event_date: facts.event_date,
            route: facts.route(),
            place_of_receipt: facts.place_of_receipt,
            port_of_lading: facts.port_of_lading,
            transit_ports: Some(&facts.transit_ports).filter(|ports| !ports.is_empty()).map(|ports| Box::new(ports.clone())),
            known_from: movement.known_from.as_microsecond(),
            content: movement.content,
            hs6: movement.hs6,
            quality: movement.quality,
            complete: movement.complete,
            standing: movement.standing,
            topic,
            partition: movement.source.partition,
            offset: movement.source.offset,
            grams: movement.mass.map_or(NOT_TOLD, |mass| mass.0),
            cents: movement.value_cents.unwrap_or(NOT_TOLD),
        }
    }

    /// Versions of an id are ordered by revision, knowledge and content: the same winner in any order of arrival.
    fn rank(&self) -> Rank {
        (self.revision, self.known_from, self.content)
    }

    /// The month in which the goods moved.
    pub fn month(&self) -> Month {
        Month::of(self.event_date)
    }

    /// The day on which it became known.
    pub fn known_on(&self) -> Date {
        let instant = Timestamp::from_microsecond(self.known_from).unwrap_or(Timestamp::UNIX_EPOCH);
        instant.to_zoned(jiff::tz::TimeZone::UTC).date()
    }

    /// Mass that may be used.
    pub fn mass(&self) -> Option<Grams> {
        Some(self.grams).filter(|grams| *grams != NOT_TOLD).map(Grams)
    }

    /// Value in US cents.
    pub(super) fn value_cents(&self) -> Option<u64> {
        Some(self.cents).filter(|cents| *cents != NOT_TOLD)
    }

    /// Whether it is assessed here: at home, and from an intermediary.
    pub(super) fn is_assessed(&self) -> bool {
        self.standing == Standing::Home && self.route.leaves_intermediary()
    }

    /// Whether it stands, and counts here.
    pub(super) fn is_at_home(&self) -> bool {
        self.standing == Standing::Home && self.status == Status::Active
    }

    /// Ports between, in order.
    pub fn transit_ports(&self) -> &[Port] {
        self.transit_ports.as_ref().map(|ports| ports.as_slice()).unwrap_or_default()
    }

    /// From, to, month.
    pub fn way(&self) -> Option<WayMonth> {
        Some((self.route.intermediary()?, self.route.destination, self.month()))
    }
}

/// What has been published of a shipment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Published {
    /// The revision of the last output, 0 before the first.
    pub revision: u32,
    /// Hash of what it said.
    pub signature: u64,
    /// Its band.
    pub band: Band,
}

/// A shipment with the version that holds.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
#[expect(clippy::box_collection, reason = "eight bytes instead of 24 where there is none, as of most")]
pub struct Shipment {
    /// `<feed>:<id>`.
    pub id: Box<str>,
    pub(super) held: ShipmentVersion,
    /// Versions that do not hold, kept so that the same one holds whatever the order of arrival.
    older: Option<Box<Vec<ShipmentVersion>>>,
    /// What has been published of it.
    pub published: Published,
}

impl Shipment {
    pub(super) fn new(id: &str, version: ShipmentVersion) -> Shipment {
        Shipment { id: id.into(), held: version, older: None, published: Published::default() }
    }

    /// The version that is assessed here, and whether it holds: the newest that leaves an intermediary. Where a newer one no longer does,
    /// or is cancelled, the assessment is withdrawn; what was only ever cancelled has none. Where the one that holds is at home in
    /// another family, it is assessed there alone, and withdrawn there: a cancellation comes wherever it may be.
    pub fn assessed(&self) -> Option<(&ShipmentVersion, Status)> {
        if self.held.standing != Standing::Home {
            return None;
        }
        let is_withdrawn = self.held.status == Status::Cancelled;
        let counts = |version: &&ShipmentVersion| is_withdrawn || version.standing == Standing::Home;
        let stood = self.versions().filter(|version| version.status == Status::Active && version.route.leaves_intermediary());
        let newest = stood.filter(counts).max_by_key(|version| version.rank()).filter(|newest| newest.is_at_home())?;
        if self.held.is_assessed() {
            return Some((&self.held, self.held.status));
        }
        Some((newest, Status::Cancelled))
    }

    /// Its feed's name.
    pub(super) fn feed(&self) -> &str {
        self.id.split(':').next().unwrap_or_default()
    }

    /// Mass of the version that holds, where it may be used.
    pub(super) fn mass(&self) -> Option<Grams> {
        self.held.mass()
    }

    fn older(&self) -> &[ShipmentVersion] {
        self.older.as_ref().map(|older| older.as_slice()).unwrap_or_default()
    }

    pub(super) fn versions(&self) -> impl Iterator<Item = &ShipmentVersion> {
        std::iter::once(&self.held).chain(self.older())
    }

    /// Whether any version of it may stand in a sum.
    pub(super) fn is_told(&self) -> bool {
        self.versions().any(|version| version.complete)
    }

    /// Folds another version of this shipment in; says what became of it, and whether anything of the shipment is other than before.
    pub(super) fn fold(&mut self, version: ShipmentVersion) -> (Folded, bool) {
        let content = version.content;
        let before = self.held.content;
        let mut all = self.older.take().map(|older| *older).unwrap_or_default();
        let (is_duplicate, is_other) =
            match std::iter::once(&mut self.held).chain(all.iter_mut()).find(|held| held.content == content) {
                Some(twin) if version.known_from < twin.known_from => {
                    twin.known_from = version.known_from;
                    (twin.topic, twin.partition, twin.offset) = (version.topic, version.partition, version.offset);
                    (true, true)
                }
                Some(_) => (true, false),
                None => {
                    all.push(version);
                    (false, true)
                }
            };
        if let Some(newest) =
            all.iter_mut().max_by_key(|version| version.rank()).filter(|newest| newest.rank() > self.held.rank())
        {
            std::mem::swap(newest, &mut self.held);
        }
        self.older = (!all.is_empty()).then(|| Box::new(all));
        let folded = match is_duplicate {
            true if self.held.content == before => Folded::Duplicate,
            false if self.held.content != content => Folded::Superseded,
            _ => Folded::Held,
        };
        (folded, is_other)
    }
}
