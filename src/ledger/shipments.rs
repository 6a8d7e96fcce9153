//! Record detail: every shipment with its versions, by id, month and way. None is forgotten. Keeps; judges nothing.

use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::Arc;

use super::books::{Account, CellRef};
use super::flows::Folded;
use super::shipment::{Shipment, ShipmentVersion, WayMonth};
use super::ways::Ways;
use crate::domain::{Country, Month, Movement, Position, ShipmentFacts, Status};

/// A shipment's place among those of its family.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub struct ShipmentKey(u32);

/// All shipments of a family, however old: a version that comes late, a withdrawal among them, and news of an old corridor-month find
/// the detail that their verdict is made of, so that it is the same in any order of arrival.
#[derive(Clone, Debug, Default, serde::Serialize, serde::Deserialize)]
pub struct Shipments {
    /// By key.
    kept: Vec<Shipment>,
    /// By a hash of the id; where two ids share one, the later stands under the next.
    #[serde(skip)]
    by_id: HashMap<u32, ShipmentKey, BuildHasherDefault<Spread>>,
    /// By month and way: an id stands under each that a version of it told.
    by_month: BTreeMap<MonthWay, Vec<ShipmentKey>>,
    #[serde(with = "crate::domain::kept::texts")]
    topics: Vec<Arc<str>>,
    #[serde(skip)]
    text_bytes: u64,
}

/// What folding a version in changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ShipmentChange {
    pub(super) key: ShipmentKey,
    pub(super) folded: Folded,
    /// Anything of it is other than before: what is told again may have been known earlier.
    pub(super) is_other: bool,
    /// The way of the version that held before.
    pub(super) left: Option<WayMonth>,
    /// It was known already ...
    pub(super) was_known: bool,
    /// ... and a version of it might stand in a sum.
    pub(super) was_told: bool,
    /// It stood here, at home, until now.
    pub(super) was_at_home: bool,
}

impl Shipments {
    /// Folds a version of a shipment in, and into the sums of its way where its feed is complete.
    pub(super) fn fold(&mut self, movement: &Movement, facts: &ShipmentFacts, ways: &mut Ways) -> ShipmentChange {
        let version = ShipmentVersion::new(movement, facts, self.topic(&movement.source.topic));
        let month_way = told_in(&version);
        let known = self.find(&facts.id);
        let Some((key, shipment)) = known.zip(known.and_then(|key| self.get_mut(key))) else {
            return self.begin(&facts.id, version, (ways, movement.feed.as_str()));
        };
        let (before, was_told) = (shipment.held.clone(), shipment.is_told());
        let (left, was_at_home) = (before.way(), before.is_at_home());
        let (folded, is_other) = shipment.fold(version);
        if shipment.held.content != before.content {
            count(&before, (ways, movement.feed.as_str()), -1);
            count(&shipment.held, (ways, movement.feed.as_str()), 1);
        }
        // The version that held stands there already.
        if folded != Folded::Duplicate && told_in(&before) != month_way {
            let keys = self.by_month.entry(month_way).or_default();
            if !keys.contains(&key) {
                push(keys, key);
            }
        }
        ShipmentChange { key, folded, is_other, left, was_known: true, was_told, was_at_home }
    }

    /// Folds the first version of a shipment in.
    fn begin(&mut self, id: &str, version: ShipmentVersion, of: (&mut Ways, &str)) -> ShipmentChange {
        count(&version, of, 1);
        let month_way = told_in(&version);
        let key = self.keep(id, version);
        push(self.by_month.entry(month_way).or_default(), key);
        let (was_known, was_told, was_at_home) = (false, false, false);
        ShipmentChange { key, folded: Folded::Held, is_other: true, left: None, was_known, was_told, was_at_home }
    }

    /// Sets the revision of a shipment's last output; gives the shipment, where it is known.
    pub fn count_from(&mut self, id: &str, revision: u32) -> Option<&Shipment> {
        let shipment = self.get_mut(self.find(id)?)?;
        shipment.published.revision = revision;
        Some(shipment)
    }

    fn topic(&mut self, name: &Arc<str>) -> u16 {
        let index = self.topics.iter().position(|topic| topic == name).unwrap_or_else(|| {
            self.topics.push(Arc::clone(name));
            self.topics.len() - 1
        });
        u16::try_from(index).unwrap_or(u16::MAX)
    }

    /// The raw message that a version was read from.
    pub fn source(&self, version: &ShipmentVersion) -> Position {
        let topic = self.topics.get(usize::from(version.topic)).cloned().unwrap_or_else(|| "".into());
        Position { topic, partition: version.partition, offset: version.offset }
    }

    /// Makes again what follows from the rest and is not kept in a snapshot.
    pub(super) fn complete(&mut self) {
        self.by_id = HashMap::with_capacity_and_hasher(self.kept.len(), BuildHasherDefault::default());
        self.kept.shrink_to_fit();
        let kept = std::mem::take(&mut self.kept);
        for (number, shipment) in (0u32..).zip(&kept) {
            self.text_bytes += shipment.id.len() as u64;
            self.note(&shipment.id, ShipmentKey(number));
        }
        self.kept = kept;
    }

    /// The key of a shipment, by `<feed>:<id>`.
    pub fn find(&self, id: &str) -> Option<ShipmentKey> {
        let mut place = place_of(id);
        loop {
            let key = *self.by_id.get(&place)?;
            if self.id(key) == id {
                return Some(key);
            }
            place = place.wrapping_add(1);
        }
    }

    fn keep(&mut self, id: &str, version: ShipmentVersion) -> ShipmentKey {
        self.text_bytes += id.len() as u64;
        if self.kept.len() == self.kept.capacity() {
            // Doubling would leave half of it empty.
            self.kept.reserve_exact(16 + self.kept.len() / 16);
        }
        let number = u32::try_from(self.kept.len()).expect("a family keeps fewer than four thousand million shipments");
        self.kept.push(Shipment::new(id, version));
        self.note(id, ShipmentKey(number));
        ShipmentKey(number)
    }

    fn note(&mut self, id: &str, key: ShipmentKey) {
        let mut place = place_of(id);
        while self.by_id.contains_key(&place) {
            place = place.wrapping_add(1);
        }
        self.by_id.insert(place, key);
    }

    /// A shipment.
    pub fn get(&self, key: ShipmentKey) -> Option<&Shipment> {
        self.kept.get(usize::try_from(key.0).ok()?)
    }

    /// A shipment, to note what was published.
    pub fn get_mut(&mut self, key: ShipmentKey) -> Option<&mut Shipment> {
        self.kept.get_mut(usize::try_from(key.0).ok()?)
    }

    /// Shipments whose assessed version lies in the corridor-month.
    pub fn in_corridor(&self, corridor: (Country, Country, Month)) -> impl Iterator<Item = (ShipmentKey, &Shipment)> + '_ {
        let (from, to, month) = corridor;
        let keys = self.by_month.get(&(month, from, to)).map(Vec::as_slice).unwrap_or_default();
        keys.iter().filter_map(move |key| {
            let shipment = self.get(*key)?;
            let (version, _) = shipment.assessed()?;
            (version.way() == Some(corridor)).then_some((*key, shipment))
        })
    }

    /// The same by id.
    pub fn in_order(&self, corridor: (Country, Country, Month)) -> Vec<ShipmentKey> {
        let mut keys: Vec<ShipmentKey> = self.in_corridor(corridor).map(|(key, _)| key).collect();
        keys.sort_by(|left, right| self.id(*left).cmp(self.id(*right)));
        keys
    }

    fn id(&self, key: ShipmentKey) -> &str {
        self.get(key).map(|shipment| shipment.id.as_ref()).unwrap_or_default()
    }

    /// The active shipments of the complete feed behind a sum.
    pub(super) fn behind<'a>(&'a self, cell: &CellRef, ways: &'a Ways) -> impl Iterator<Item = &'a Shipment> + 'a {
        let (account, teller) = (cell.account, ways.teller(cell));
        let (way, hs6) = ((cell.from, cell.to, cell.period.last()), cell.hs6);
        let keys = self.by_month.get(&(cell.period.last(), cell.from, cell.to)).map(Vec::as_slice).unwrap_or_default();
        keys.iter().filter_map(|key| self.get(*key)).filter(move |shipment| {
            let held = &shipment.held;
            let counts = held.way() == Some(way) && held.hs6 == hs6 && held.complete && held.status == Status::Active;
            let told = || teller.is_some_and(|teller| ways.is_of(teller, (held.flow, shipment.feed())));
            counts && Account::of_shipments(held.flow) == account && told()
        })
    }

    /// Bytes of state.
    pub fn bytes(&self) -> u64 {
        // A hash table keeps an eighth of its places empty and a byte beside each.
        let by_id = self.by_id.capacity() * 9 * 8 / 7;
        let keys = self.kept.len() * size_of::<ShipmentKey>();
        (self.kept.capacity() * size_of::<Shipment>() + by_id + keys) as u64 + self.text_bytes
    }
}

/// The month in which a version says that the goods moved, whence and whither, as far as it says so.
type MonthWay = (Month, Country, Country);

fn told_in(version: &ShipmentVersion) -> MonthWay {
    let (from, to, month) = version.way().unwrap_or((Country::UNKNOWN, Country::UNKNOWN, version.month()));
    (month, from, to)
}

/// Adds a version to the sums of its way, or takes it away, where it counts at all.
fn count(version: &ShipmentVersion, (ways, feed): (&mut Ways, &str), sign: i8) {
    let Some(way) = version.way().filter(|_| version.status == Status::Active) else { return };
    let goods = (version.hs6, (version.mass(), version.value_cents()));
    if version.complete {
        ways.count(way, (version.flow, feed), goods, sign);
    } else if version.is_assessed() {
        ways.note_bill(way, goods, sign);
    }
}

fn push(keys: &mut Vec<ShipmentKey>, key: ShipmentKey) {
    if keys.len() == keys.capacity() {
        keys.reserve_exact(2 + keys.len() / 8);
    }
    keys.push(key);
}

fn place_of(id: &str) -> u32 {
    // The upper half of a good hash is as good as the whole.
    (xxhash_rust::xxh3::xxh3_64(id.as_bytes()) >> 32) as u32
}

/// Places are hashes already; they are only spread over 64 bits.
#[derive(Default)]
struct Spread(u64);

impl Hasher for Spread {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.write_u32(u32::from(*byte)));
    }

    fn write_u32(&mut self, place: u32) {
        self.0 = (self.0.rotate_left(32) ^ u64::from(place)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::MovementBody;

    fn movement(id: &str, date: &str, content: u64) -> (Movement, ShipmentFacts) {
        let facts = ShipmentFacts { revision: u32::try_from(content).unwrap(), ..ShipmentFacts::told(id, date) };
        let flow = Movement::told("ams/US/import/TH/282580/2025-02", 0);
        let movement = Movement { content, mass: None, complete: true, body: MovementBody::Shipment(facts.clone()), ..flow };
        (movement, facts)
    }

    fn fold(kept: &mut Shipments, ways: &mut Ways, (id, date, content): (&str, &str, u64)) -> ShipmentChange {
        let (movement, facts) = movement(id, date, content);
        kept.fold(&movement, &facts, ways)
    }

    /// Ids that are kept under one place, found by looking.
    fn alike() -> [String; 2] {
        let mut known: HashMap<u32, String> = HashMap::new();
        for number in 0.. {
            let id = format!("ams:{number}");
            if let Some(other) = known.insert(place_of(&id), id.clone()) {
                return [other, id];
            }
        }
        unreachable!()
    }

    #[test]
    fn two_ids_of_one_hash_stay_apart() {
        let [first, second] = alike();
        let (mut kept, mut ways) = (Shipments::default(), Ways::default());
        for id in [&first, &second] {
            assert!(!fold(&mut kept, &mut ways, (id, "2025-02-03", 1)).was_known);
        }
        for id in [&first, &second] {
            assert_eq!(kept.get(kept.find(id).unwrap()).unwrap().id.as_ref(), id.as_str());
            assert!(fold(&mut kept, &mut ways, (id, "2025-02-03", 2)).was_known);
        }
        kept.by_id.clear();
        kept.complete();
        assert_ne!(kept.find(&first), kept.find(&second));
    }

    #[test]
    fn one_that_moved_stands_in_the_month_of_the_version_that_holds_whichever_came_first() {
        let versions = [("ams:1", "2022-02-03", 1), ("ams:1", "2025-02-03", 2)];
        let corridor = |month: &str| ("TH".parse().unwrap(), "US".parse().unwrap(), month.parse().unwrap());
        for order in [[0, 1], [1, 0]] {
            let (mut kept, mut ways) = (Shipments::default(), Ways::default());
            let [first, last] = order.map(|at| fold(&mut kept, &mut ways, versions[at]));
            let month = |change: ShipmentChange| change.left.map(|(_, _, month)| month.to_string());
            assert_eq!((first.key, month(first)), (last.key, None), "{order:?}");
            assert_eq!(month(last).as_deref(), Some(if order == [0, 1] { "2022-02" } else { "2025-02" }));
            assert_eq!(kept.in_order(corridor("2025-02")), [first.key], "{order:?}");
            assert!(kept.in_order(corridor("2022-02")).is_empty(), "{order:?}");
        }
    }

    #[test]
    fn what_is_told_again_changes_something_only_where_it_was_known_earlier() {
        let (mut kept, mut ways) = (Shipments::default(), Ways::default());
        let (movement, facts) = movement("ams:1", "2022-02-03", 1);
        let mut at = |known_from: &str| {
            let movement = Movement { known_from: known_from.parse().unwrap(), ..movement.clone() };
            let change = kept.fold(&movement, &facts, &mut ways);
            (change.folded, change.is_other)
        };
        assert_eq!(at("2025-04-01T00:00:00Z"), (Folded::Held, true));
        assert_eq!(at("2025-05-01T00:00:00Z"), (Folded::Duplicate, false));
        assert_eq!(at("2022-03-01T00:00:00Z"), (Folded::Duplicate, true));
    }

    #[test]
    fn the_state_of_a_shipment_is_small() {
        assert!(size_of::<Shipment>() <= 152, "{}", size_of::<Shipment>());
    }
}
