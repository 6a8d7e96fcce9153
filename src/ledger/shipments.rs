//! Record detail: every version of every shipment within the lookback, and which one holds.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::{BuildHasherDefault, Hasher};

use super::flows::Folded;
use crate::domain::{Band, Country, Grams, HsSubheading, Month, Position, QualitySet, ShipmentFacts, Status};

/// A shipment's identity: a hash of `<feed>:<id>`, wide enough that two never share one.
pub type ShipmentKey = u128;

/// The identity of a shipment.
pub fn shipment_key(id: &str) -> ShipmentKey {
    xxhash_rust::xxh3::xxh3_128(id.as_bytes())
}

/// A version of a shipment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShipmentVersion {
    /// What it says.
    pub facts: ShipmentFacts,
    /// When it became known, in microseconds since 1970.
    pub known_from: i64,
    /// Hash of what it says.
    pub content: u64,
    /// The subheading.
    pub hs6: HsSubheading,
    /// Mass that may be used.
    pub mass: Option<Grams>,
    /// US cents.
    pub value_cents: Option<u64>,
    /// What is wrong with it.
    pub quality: QualitySet,
    /// Whether its feed tells all of its trade.
    pub complete: bool,
    /// The raw message.
    pub source: Position,
}

impl ShipmentVersion {
    /// Versions of an id are ordered by revision, knowledge and content: the same winner in any order of arrival.
    fn rank(&self) -> (u32, i64, u64) {
        (self.facts.revision, self.known_from, self.content)
    }

    /// The month in which the goods moved.
    pub fn month(&self) -> Month {
        Month::of(self.facts.event_date)
    }
}

/// What has been published of a shipment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Published {
    /// The revision of the last output, 0 before the first.
    pub revision: u32,
    /// Hash of what it said.
    pub signature: u64,
    /// Its band.
    pub band: Band,
}

/// A shipment with the version that holds.
#[derive(Clone, Debug)]
pub struct Shipment {
    /// The version that holds.
    pub held: ShipmentVersion,
    older: Vec<ShipmentVersion>,
    /// What has been published of it.
    pub published: Published,
}

/// The sum of one feed's shipments of one code on one way in one month.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ShipmentSum {
    /// Grams of those with mass.
    pub grams: u128,
    /// How many lack mass.
    pub without_mass: u32,
    /// How many there are.
    pub count: u32,
}

/// From, to, month, code.
pub(super) type WayKey = (Country, Country, Month, HsSubheading);

/// All shipments of a family.
#[derive(Clone, Debug, Default)]
pub struct Shipments {
    held: HashMap<ShipmentKey, Shipment, BuildHasherDefault<Identity>>,
    by_month: BTreeMap<Month, Vec<ShipmentKey>>,
    /// Those of every way in a month: an id stands under each way that a version of it told.
    by_way: BTreeMap<(Country, Country, Month), Vec<ShipmentKey>>,
    /// No way of an earlier month has been told since the last time that months were forgotten.
    oldest_way: Option<Month>,
    complete: BTreeMap<WayKey, ShipmentSum>,
    /// To, from: the ways on which complete feeds told of shipments.
    ways: BTreeSet<(Country, Country)>,
    text_bytes: u64,
}

impl Shipments {
    /// Folds a version of a shipment in. `None` as the version that held before means that it is the first.
    pub fn fold(&mut self, key: ShipmentKey, version: ShipmentVersion) -> Folded {
        self.text_bytes += version.facts.id.len() as u64;
        let (month, way) =
            (version.month(), version.facts.intermediary().map(|m| (m, version.facts.destination, version.month())));
        if let (true, Some((from, to, _))) = (version.complete, way) {
            self.ways.insert((to, from));
        }
        let Some(shipment) = self.held.get_mut(&key) else {
            Counts::of(&version).add(&mut self.complete, 1);
            self.held.insert(key, Shipment { held: version, older: Vec::new(), published: Published::default() });
            self.by_month.entry(month).or_default().push(key);
            if let Some(way) = way {
                self.by_way.entry(way).or_default().push(key);
                self.oldest_way = Some(self.oldest_way.map_or(month, |oldest| oldest.min(month)));
            }
            return Folded::Held;
        };
        let before = (shipment.held.content, Counts::of(&shipment.held));
        let known_way = way_in_month(&shipment.held);
        let folded = shipment.fold(version);
        if shipment.held.content != before.0 {
            let after = Counts::of(&shipment.held);
            before.1.add(&mut self.complete, -1);
            after.add(&mut self.complete, 1);
        }
        // The version that held stands under its way already.
        if let Some(way) = way.filter(|way| folded != Folded::Duplicate && known_way != Some(*way)) {
            let keys = self.by_way.entry(way).or_default();
            if !keys.contains(&key) {
                keys.push(key);
                self.oldest_way = Some(self.oldest_way.map_or(month, |oldest| oldest.min(month)));
            }
        }
        folded
    }

    /// A shipment.
    pub fn get(&self, key: ShipmentKey) -> Option<&Shipment> {
        self.held.get(&key)
    }

    /// A shipment, to note what was published.
    pub fn get_mut(&mut self, key: ShipmentKey) -> Option<&mut Shipment> {
        self.held.get_mut(&key)
    }

    /// Shipments whose assessed version lies in the corridor-month, by id.
    pub fn in_corridor(&self, corridor: (Country, Country, Month)) -> Vec<ShipmentKey> {
        let lies_there = |key: &ShipmentKey| {
            let (version, _) = self.held.get(key)?.assessed()?;
            Some((version.facts.intermediary()?, version.facts.destination, version.month()) == corridor)
        };
        let mut keys = self.by_way.get(&corridor).cloned().unwrap_or_default();
        keys.retain(|key| lies_there(key).unwrap_or(false));
        keys.sort_by(|left, right| self.id(*left).cmp(self.id(*right)));
        keys
    }

    fn id(&self, key: ShipmentKey) -> &str {
        self.held.get(&key).map(|shipment| shipment.held.facts.id.as_str()).unwrap_or_default()
    }

    /// Sums of complete feeds on a way, by month and code.
    pub fn sums(&self, from: Country, to: Country) -> impl Iterator<Item = (Month, HsSubheading, ShipmentSum)> + '_ {
        let first = (from, to, Month::from_ordinal(0), HsSubheading::FIRST);
        let ways = self.complete.range(first..).take_while(move |((a, b, _, _), _)| (*a, *b) == (from, to));
        ways.filter(|(_, sum)| sum.count > 0).map(|((_, _, month, hs6), sum)| (*month, *hs6, *sum))
    }

    /// Whence complete feeds tell of shipments into `to`.
    pub fn sources_of(&self, to: Country) -> impl Iterator<Item = Country> + '_ {
        self.ways.range((to, Country::FIRST)..=(to, Country::LAST)).map(|(_, from)| *from)
    }

    /// Whither complete feeds tell of shipments from a country.
    pub(super) fn destinations_of(&self, from: Country) -> impl Iterator<Item = Country> + '_ {
        self.ways.iter().filter(move |(_, source)| *source == from).map(|(to, _)| *to)
    }

    /// Ids of the active shipments of complete feeds behind a sum, with their mass.
    pub fn ids(&self, from: Country, to: Country, month: Month, hs6: HsSubheading) -> Vec<(Option<Grams>, String)> {
        let keys = self.by_way.get(&(from, to, month)).map(Vec::as_slice).unwrap_or_default();
        let held = keys.iter().filter_map(|key| self.held.get(key)).map(|shipment| &shipment.held);
        let behind = held.filter(|version| {
            way(version) == Some((from, to, month, hs6)) && version.complete && version.facts.status == Status::Active
        });
        behind.map(|version| (version.mass, version.facts.id.clone())).collect()
    }

    /// Forgets the detail of shipments of months before the given one; their sums stay.
    pub fn forget_before(&mut self, month: Month) {
        while let Some(entry) = self.by_month.first_entry().filter(|entry| *entry.key() < month) {
            for key in entry.remove() {
                if let Some(shipment) = self.held.get(&key).filter(|shipment| shipment.held.month() < month) {
                    self.text_bytes = self.text_bytes.saturating_sub(shipment.held.facts.id.len() as u64);
                    self.held.remove(&key);
                }
            }
        }
        if self.oldest_way.is_some_and(|oldest| oldest < month) {
            self.by_way.retain(|(_, _, way_month), _| *way_month >= month);
            self.oldest_way = Some(month);
        }
    }

    /// Bytes of state, by size of what is kept.
    pub fn bytes(&self) -> u64 {
        let detail = size_of::<(ShipmentKey, Shipment)>() as u64 + 2 * size_of::<ShipmentKey>() as u64;
        self.held.len() as u64 * detail + self.text_bytes + self.complete.len() as u64 * size_of::<(WayKey, ShipmentSum)>() as u64
    }

    /// How many shipments are held.
    pub fn len(&self) -> usize {
        self.held.len()
    }
}

impl Shipment {
    /// The version that is assessed, and whether it holds: the newest that leaves an intermediary. Where a newer one no longer does, or
    /// is cancelled, the assessment is withdrawn.
    pub fn assessed(&self) -> Option<(&ShipmentVersion, Status)> {
        if self.held.facts.leaves_intermediary() {
            return Some((&self.held, self.held.facts.status));
        }
        let left = self.older.iter().filter(|version| version.facts.leaves_intermediary());
        left.max_by_key(|version| version.rank()).map(|version| (version, Status::Cancelled))
    }

    /// Whether any version of it may stand in a sum.
    pub(super) fn is_told(&self) -> bool {
        self.held.complete || self.older.iter().any(|version| version.complete)
    }

    /// Folds another version of this shipment in.
    fn fold(&mut self, version: ShipmentVersion) -> Folded {
        let content = version.content;
        let before = self.held.content;
        let mut all = std::mem::take(&mut self.older);
        let is_duplicate = match std::iter::once(&mut self.held).chain(all.iter_mut()).find(|held| held.content == content) {
            Some(twin) if version.known_from < twin.known_from => {
                (twin.known_from, twin.source) = (version.known_from, version.source);
                true
            }
            Some(_) => true,
            None => {
                all.push(version);
                false
            }
        };
        if let Some(newest) =
            all.iter_mut().max_by_key(|version| version.rank()).filter(|newest| newest.rank() > self.held.rank())
        {
            std::mem::swap(newest, &mut self.held);
        }
        self.older = all;
        match is_duplicate {
            true if self.held.content == before => Folded::Duplicate,
            false if self.held.content != content => Folded::Superseded,
            _ => Folded::Held,
        }
    }
}

fn way(version: &ShipmentVersion) -> Option<WayKey> {
    Some((version.facts.intermediary()?, version.facts.destination, version.month(), version.hs6))
}

fn way_in_month(version: &ShipmentVersion) -> Option<(Country, Country, Month)> {
    Some((version.facts.intermediary()?, version.facts.destination, version.month()))
}

/// What a version adds to a sum, where it counts at all.
#[derive(Clone, Copy)]
struct Counts(Option<(WayKey, Option<Grams>)>);

impl Counts {
    fn of(version: &ShipmentVersion) -> Counts {
        let counts = version.complete && version.facts.status == Status::Active;
        Counts(way(version).filter(|_| counts).map(|way| (way, version.mass)))
    }

    fn add(self, sums: &mut BTreeMap<WayKey, ShipmentSum>, sign: i8) {
        let Some((key, mass)) = self.0 else { return };
        let sum = sums.entry(key).or_default();
        let grams = mass.map_or(0, |mass| u128::from(mass.0));
        let lacks = u32::from(mass.is_none());
        if sign > 0 {
            *sum = ShipmentSum { grams: sum.grams + grams, without_mass: sum.without_mass + lacks, count: sum.count + 1 };
        } else {
            *sum = ShipmentSum { grams: sum.grams - grams, without_mass: sum.without_mass - lacks, count: sum.count - 1 };
        }
    }
}

/// Keys are hashes already; hashing them again would cost and add nothing.
#[derive(Default)]
struct Identity(u64);

impl Hasher for Identity {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.0 = self.0.rotate_left(8) ^ u64::from(*byte));
    }

    fn write_u128(&mut self, key: u128) {
        self.0 = u64::try_from(key & u128::from(u64::MAX)).unwrap_or_default();
    }
}
