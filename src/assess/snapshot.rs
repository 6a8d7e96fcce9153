//! The state of a partition as bytes, and back. What follows from the rest is made again; damaged bytes are an error, never a state.

use std::collections::BTreeMap;

use super::evaluate::{Family, KeptFamily, RestoredFamily};
use super::left_over::LeftOver;
use super::{Assess, FOLD};
use crate::domain::FamilyId;

/// The version of these bytes. Another field in any type of the state makes it another.
const FORMAT: u32 = 7;
/// Bytes of the hash at the end.
const HASH: usize = 8;

#[derive(serde::Serialize)]
struct Kept<'a> {
    version: (u32, u32),
    families: Vec<KeptFamily<'a>>,
    left_over: &'a LeftOver,
}

#[derive(serde::Deserialize)]
struct Restored {
    version: (u32, u32),
    families: Vec<RestoredFamily>,
    left_over: LeftOver,
}

impl Assess {
    /// What else than the movements the state follows from.
    pub fn made_by(&self) -> String {
        format!("assess state {FORMAT}, {}", self.knowledge.made_by())
    }

    /// All of the state, as bytes: the same state gives the same bytes. `None` where something of it cannot be kept.
    pub fn snapshot(&self) -> Option<Vec<u8>> {
        let families = self.families.values().map(Family::kept).collect();
        let kept = Kept { version: (FORMAT, FOLD), families, left_over: &self.left_over };
        let mut bytes = postcard::to_extend(&kept, Vec::new()).ok()?;
        bytes.extend(xxhash_rust::xxh3::xxh3_64(&bytes).to_le_bytes());
        Some(bytes)
    }

    /// Takes the state of [`Assess::snapshot`] in place of its own.
    ///
    /// # Errors
    ///
    /// What is wrong with the bytes; the state is what it was.
    pub fn restore(&mut self, bytes: &[u8]) -> Result<(), String> {
        let (kept, hash) = bytes.split_last_chunk::<HASH>().ok_or("the bytes end before their hash")?;
        if xxhash_rust::xxh3::xxh3_64(kept) != u64::from_le_bytes(*hash) {
            return Err("the bytes have another hash than was written with them".to_owned());
        }
        let (restored, rest) = postcard::take_from_bytes::<Restored>(kept).map_err(|error| error.to_string())?;
        if restored.version != (FORMAT, FOLD) || !rest.is_empty() {
            return Err(format!("a state of another version, {:?}", restored.version));
        }
        let mut families: BTreeMap<FamilyId, Family> = BTreeMap::new();
        for family in restored.families {
            let family = Family::restored(family, &self.knowledge)?;
            families.insert(family.id(), family);
        }
        (self.families, self.left_over) = (families, restored.left_over);
        self.note_due();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::assess::Knowledge;
    use crate::reference::Reference;
    use crate::scoring::Model;

    /// With the hash that belongs to it.
    fn hashed(mut bytes: Vec<u8>) -> Vec<u8> {
        let hash = xxhash_rust::xxh3::xxh3_64(&bytes);
        bytes.extend(hash.to_le_bytes());
        bytes
    }

    #[test]
    fn a_state_of_another_version_and_one_with_something_behind_it_are_refused() {
        let knowledge = Knowledge::new(Reference::built_in().clone(), Model::built_in().into());
        let mut assess = Assess::new(knowledge);
        let bytes = |version: (u32, u32)| {
            let kept = Kept { version, families: Vec::new(), left_over: &LeftOver::new() };
            postcard::to_extend(&kept, Vec::new()).unwrap()
        };
        let ours = bytes((FORMAT, FOLD));
        assert!(assess.snapshot().unwrap() == hashed(ours.clone()));
        assert_eq!(assess.restore(&hashed(ours.clone())), Ok(()));
        let another = [bytes((FORMAT + 1, FOLD)), bytes((FORMAT, FOLD + 1)), [ours, vec![0]].concat()];
        for bytes in another {
            let refused = assess.restore(&hashed(bytes)).unwrap_err();
            assert!(refused.starts_with("a state of another version"), "{refused}");
        }
    }
}
