//! What stands on `movements`: a record in one family it concerns, or a tick.

use super::{Date, FamilyId, FeedName, Grams, HsSubheading, Position, QualitySet, Record, Timestamp};

/// A record as one family sees it, or a tick. All that the assess stage reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Movement {
    /// The commodity family, the key.
    pub family: FamilyId,
    /// Whether it is counted there, or only evidence.
    pub standing: Standing,
    /// The feed it came from.
    pub feed: FeedName,
    /// The record's id inside its feed.
    pub id: String,
    /// When its source made it public.
    pub known_from: Timestamp,
    /// Hash of what it claims, without `known_from` and position: equal content is a duplicate.
    pub content: u64,
    /// The raw message it was read from.
    pub source: Position,
    /// The subheading of HS 2022; of a code with several successors the code as declared.
    pub hs6: HsSubheading,
    /// Mass for the books: net, else gross.
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Standing {
    /// Counted and assessed there.
    Home,
    /// Evidence only.
    Context,
}

/// What was claimed, or that a day has passed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MovementBody {
    /// A record.
    Record(Record),
    /// A day has come; moves clocks and nothing else. Stands in no family: every family of the partition hears it.
    Tick(Date),
}
