//! What is remembered of shipments whose detail is forgotten: enough to know them again, and to go on counting. Keeps; judges nothing.

use std::collections::BTreeMap;

use super::shipment::{Rank, Shipment};

/// By a hash of the id. Two ids of one hash are one here: among a thousand million shipments one pair is to be expected once in forty
/// worlds, and all it does is to skip a number.
#[derive(Clone, Debug, Default, serde::Serialize, serde::Deserialize)]
pub(super) struct Faint(BTreeMap<u64, Trace>);

/// What is left of a shipment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(super) struct Trace {
    /// Of the version that held.
    pub(super) rank: Rank,
    /// The revision of its last output, 0 where it has none.
    pub(super) published: u32,
}

impl Faint {
    /// Keeps what is left of a shipment.
    pub(super) fn keep(&mut self, shipment: &Shipment) {
        self.0.insert(hash_of(&shipment.id), Trace { rank: shipment.held.rank(), published: shipment.published.revision });
    }

    pub(super) fn get(&self, id: &str) -> Option<Trace> {
        self.0.get(&hash_of(id)).copied()
    }

    /// Takes what was left of a shipment whose detail is there again.
    pub(super) fn take(&mut self, id: &str) -> Option<Trace> {
        self.0.remove(&hash_of(id))
    }

    /// Sets the revision of its last output.
    pub(super) fn count_from(&mut self, id: &str, revision: u32) {
        if let Some(trace) = self.0.get_mut(&hash_of(id)) {
            trace.published = revision;
        }
    }

    /// Bytes of state: a tree of many keys is about two thirds full.
    pub(super) fn bytes(&self) -> u64 {
        self.0.len() as u64 * size_of::<(u64, Trace)>() as u64 * 3 / 2
    }
}

fn hash_of(id: &str) -> u64 {
    xxhash_rust::xxh3::xxh3_64(id.as_bytes())
}
