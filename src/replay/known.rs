//! Movements put aside until all are there, then as the world learned them: by `known_from`. Many of them family by family, so that
//! a fold need not remember all families at once.

use serde::Deserialize;

use super::ReplayError;
use crate::decode::movement::family;
use crate::domain::{Date, Timestamp};
use crate::stream::{Sorter, partition_of};

/// Bytes of movements in memory. What a fold remembers of them is eight times as much where each is a corridor-month of its own.
const MEMORY: usize = 16 << 20;
/// Into how many groups families are put. A fold has the days of all for each, so not too many.
const GROUPS: i32 = 1 << 10;
/// Bytes of an instant, and of the number of a group before it.
const INSTANT: usize = 12;
const GROUP: usize = 2;

/// What a bounded run must know of a movement: when it became known, or that it is a tick.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stamp {
    /// A record, and when it became known.
    Known(Timestamp),
    /// A tick.
    Tick(Date),
}

#[derive(Deserialize)]
struct StampRead<'a> {
    kind: Option<&'a str>,
    date: Option<&'a str>,
    known_from: Option<&'a str>,
}

/// Reads the stamp of a value of `movements`.
///
/// # Errors
///
/// What is wrong, in words, where it is no movement.
pub fn stamp_of(value: &[u8]) -> Result<Stamp, String> {
    let read: StampRead<'_> = serde_json::from_slice(value).map_err(|error| error.to_string())?;
    match (read.kind, read.date, read.known_from) {
        (Some("tick"), Some(date), _) => date.parse().map(Stamp::Tick).map_err(|_| format!("date {date:?} is no date")),
        (Some(_), _, Some(known)) => known.parse().map(Stamp::Known).map_err(|_| format!("known_from {known:?} is no instant")),
        _ => Err("kind and known_from, or kind tick and date, are missing".to_owned()),
    }
}

/// In which order movements are wanted back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MovementOrder {
    /// As given.
    Given,
    /// By `known_from`; equal instants keep the order in which they came.
    Known,
    /// The same within a family. Of movements that do not fit into memory families come in groups, one after the other.
    Families,
}

/// Movements put aside until all are there.
#[derive(Debug)]
pub struct KnownMovements {
    order: MovementOrder,
    memory_bytes_max: usize,
    sorter: Sorter,
    is_grouped: bool,
    count: usize,
    /// The first instant and the last.
    between: Option<(Timestamp, Timestamp)>,
    record: Vec<u8>,
}

/// What comes next of movements.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Turn {
    /// A movement: when it became known, its key and its value.
    Movement(Timestamp, Vec<u8>, Vec<u8>),
    /// What follows is of other families than all before.
    NextGroup,
}

impl KnownMovements {
    /// None yet.
    pub fn new(order: MovementOrder) -> KnownMovements {
        KnownMovements::holding(order, MEMORY)
    }

    /// The same, with about that many bytes in memory.
    pub fn holding(order: MovementOrder, memory_bytes_max: usize) -> KnownMovements {
        let sorter = Sorter::new(memory_bytes_max);
        KnownMovements { order, memory_bytes_max, sorter, is_grouped: false, count: 0, between: None, record: Vec::new() }
    }

    /// Puts a movement aside.
    ///
    /// # Errors
    ///
    /// Where scratch space fails.
    pub fn push(&mut self, known_from: Timestamp, key: &[u8], value: &[u8]) -> Result<(), ReplayError> {
        let mut record = std::mem::take(&mut self.record);
        record.clear();
        record.extend_from_slice(&bytes_of(known_from));
        let length = u32::try_from(key.len()).expect("a key is limited to far less than 4 GiB");
        record.extend_from_slice(&length.to_be_bytes());
        record.extend_from_slice(key);
        record.extend_from_slice(value);
        if self.order == MovementOrder::Families && !self.is_grouped && self.sorter.is_full_with(INSTANT + record.len()) {
            self.group()?;
        }
        self.sorter.push(&self.sorted_by(&record), (&record, &[]))?;
        self.record = record;
        self.count += 1;
        let (first, last) = self.between.unwrap_or((known_from, known_from));
        self.between = Some((first.min(known_from), last.max(known_from)));
        Ok(())
    }

    /// Puts a movement or a tick aside where order does not matter, because it is as given.
    ///
    /// # Errors
    ///
    /// Where scratch space fails.
    pub fn push_as_given(&mut self, key: &[u8], value: &[u8]) -> Result<(), ReplayError> {
        self.push(Timestamp::UNIX_EPOCH, key, value)
    }

    /// How many are there.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether none is there.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Where families come in groups, the first day of all of them and the last.
    pub fn days_of_groups(&self) -> Option<(Date, Date)> {
        self.between.filter(|_| self.is_grouped).map(|(first, last)| (date_of(first), date_of(last)))
    }

    /// Hands over each in order.
    ///
    /// # Errors
    ///
    /// Where scratch space fails, or what `take` returns.
    pub fn drain(self, take: &mut dyn FnMut(Timestamp, Vec<u8>, Vec<u8>) -> Result<(), ReplayError>) -> Result<(), ReplayError> {
        self.drain_in_groups(&mut |turn| match turn {
            Turn::Movement(known_from, key, value) => take(known_from, key, value),
            Turn::NextGroup => Ok(()),
        })
    }

    /// The same, and says where another group of families begins.
    ///
    /// # Errors
    ///
    /// As above.
    pub fn drain_in_groups(self, take: &mut dyn FnMut(Turn) -> Result<(), ReplayError>) -> Result<(), ReplayError> {
        let sorted = self.sorter.sorted()?;
        let (mut walk, mut before) = (sorted.walk()?, None);
        while let Some((sorted_by, record)) = walk.take()? {
            let group = sorted_by.first_chunk::<GROUP>().copied().filter(|_| self.is_grouped);
            if before.replace(group).is_some_and(|before| before != group) {
                take(Turn::NextGroup)?;
            }
            let (known_from, key, value) = parts_of(&record).expect("it was put together here");
            take(Turn::Movement(known_from, key.to_vec(), value.to_vec()))?;
        }
        Ok(())
    }

    /// From here on the number of a group comes before the instant.
    fn group(&mut self) -> Result<(), ReplayError> {
        let held = std::mem::replace(&mut self.sorter, Sorter::new(self.memory_bytes_max)).sorted()?;
        self.is_grouped = true;
        let mut walk = held.walk()?;
        while let Some((_, record)) = walk.take()? {
            self.sorter.push(&self.sorted_by(&record), (&record, &[]))?;
        }
        Ok(())
    }

    fn sorted_by(&self, record: &[u8]) -> Vec<u8> {
        let instant = record.get(..INSTANT).unwrap_or_default();
        match self.order {
            MovementOrder::Given => Vec::new(),
            MovementOrder::Families if self.is_grouped => [&group_of(record), instant].concat(),
            MovementOrder::Known | MovementOrder::Families => instant.to_vec(),
        }
    }
}

/// The group of a movement's family. What is no movement is in the group of no family, since the fold remembers nothing of it.
fn group_of(record: &[u8]) -> [u8; GROUP] {
    let of = parts_of(record).and_then(|(_, _, value)| family(value)).unwrap_or_default();
    let [.., high, low] = partition_of(of.as_bytes(), GROUPS).to_be_bytes();
    [high, low]
}

/// Instant, key and value.
fn parts_of(record: &[u8]) -> Option<(Timestamp, &[u8], &[u8])> {
    let (instant, rest) = record.split_first_chunk()?;
    let (length, rest) = rest.split_first_chunk()?;
    let (key, value) = rest.split_at_checked(usize::try_from(u32::from_be_bytes(*length)).ok()?)?;
    Some((instant_of(*instant)?, key, value))
}

/// Bytes that are in the order of instants.
fn bytes_of(instant: Timestamp) -> [u8; INSTANT] {
    let [a, b, c, d, e, f, g, h] = (instant.as_second() ^ i64::MIN).to_be_bytes();
    let [i, j, k, l] = (instant.subsec_nanosecond() ^ i32::MIN).to_be_bytes();
    [a, b, c, d, e, f, g, h, i, j, k, l]
}

fn instant_of([a, b, c, d, e, f, g, h, nanoseconds @ ..]: [u8; INSTANT]) -> Option<Timestamp> {
    let second = i64::from_be_bytes([a, b, c, d, e, f, g, h]) ^ i64::MIN;
    Timestamp::new(second, i32::from_be_bytes(nanoseconds) ^ i32::MIN).ok()
}

/// The UTC date of an instant.
pub(super) fn date_of(instant: Timestamp) -> Date {
    instant.to_zoned(jiff::tz::TimeZone::UTC).date()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stamps_are_read_from_movements_and_ticks() {
        let tick = br#"{"kind":"tick","date":"2025-04-04"}"#;
        assert_eq!(stamp_of(tick), Ok(Stamp::Tick("2025-04-04".parse().unwrap())));
        let movement = br#"{"kind":"movement","family":"SB","known_from":"2025-04-04T00:00:00Z","record":{"kind":"x"}}"#;
        assert_eq!(stamp_of(movement), Ok(Stamp::Known("2025-04-04T00:00:00Z".parse().unwrap())));
        assert!(stamp_of(b"{}").is_err() && stamp_of(b"nonsense").is_err());
    }

    #[test]
    fn instants_are_in_order_as_bytes() {
        let instants = [
            "-002025-01-01T00:00:00Z",
            "1969-12-31T23:59:58.5Z",
            "1969-12-31T23:59:59.5Z",
            "1970-01-01T00:00:00Z",
            "1970-01-01T00:00:00.000000001Z",
            "2025-01-01T00:00:00Z",
            "2025-01-01T00:00:01Z",
        ];
        let instants = instants.map(|instant| instant.parse::<Timestamp>().unwrap());
        assert!(instants.map(bytes_of).is_sorted() && instants.is_sorted());
        assert_eq!(instants.map(|instant| instant_of(bytes_of(instant))), instants.map(Some));
    }

    /// What three families say at noon of these days of January, the number last said first.
    fn turns(order: MovementOrder, memory: usize) -> Vec<String> {
        let mut movements = KnownMovements::holding(order, memory);
        let days = ["05", "01", "03", "03", "02"];
        for (number, (day, family)) in
            days.iter().flat_map(|day| ["H6001", "SB", "H6002"].map(|family| (day, family))).enumerate()
        {
            let value = format!(r#"{{"trade_flow":[["{family}","{day}",{number}]]}}"#);
            movements.push(format!("2025-01-{day}T12:00:00Z").parse().unwrap(), b"", value.as_bytes()).unwrap();
        }
        assert_eq!(movements.len(), 15);
        let day = |day: &str| format!("2025-01-{day}").parse().unwrap();
        let is_grouped = order == MovementOrder::Families && memory < 1_000;
        assert_eq!(movements.days_of_groups(), is_grouped.then(|| (day("01"), day("05"))));
        let mut turns = Vec::new();
        let mut take = |turn: Turn| {
            turns.push(match turn {
                Turn::NextGroup => "next".to_owned(),
                Turn::Movement(_, _, value) => String::from_utf8(value).unwrap().replace(['"', '[', ']', '{', '}'], ""),
            });
            Ok(())
        };
        movements.drain_in_groups(&mut take).unwrap();
        turns
    }

    #[test]
    fn by_known_from_is_by_known_from_however_much_fits_into_memory() {
        let known = turns(MovementOrder::Known, 1 << 20);
        let numbers = |turns: &[String]| -> Vec<usize> {
            turns.iter().map(|turn| turn.rsplit(',').next().unwrap().parse().unwrap()).collect()
        };
        assert_eq!(numbers(&known), [3, 4, 5, 12, 13, 14, 6, 7, 8, 9, 10, 11, 0, 1, 2]);
        assert_eq!(turns(MovementOrder::Known, 0), known);
        assert_eq!(turns(MovementOrder::Families, 1 << 20), known);
        for memory in [0, 1 << 20] {
            assert!(numbers(&turns(MovementOrder::Given, memory)).is_sorted());
        }
    }

    #[test]
    fn families_that_do_not_fit_into_memory_come_one_after_the_other() {
        let known = turns(MovementOrder::Known, 0);
        let grouped = turns(MovementOrder::Families, 0);
        let mut groups: Vec<&[String]> = grouped.split(|turn| turn == "next").collect();
        groups.sort();
        assert_eq!(groups.len(), 3, "{grouped:?}");
        for (group, family) in groups.iter().zip(["H6001", "H6002", "SB"]) {
            let wanted: Vec<&String> = known.iter().filter(|turn| turn.contains(family)).collect();
            assert_eq!(group.iter().collect::<Vec<_>>(), wanted);
        }
        // Held while they still were few, by instant, and only then given their groups.
        let later = turns(MovementOrder::Families, 400);
        assert!(later == grouped, "{later:?}");
    }
}
