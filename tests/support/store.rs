//! A place for snapshots, in memory, that fails and rots by a seed.

use std::io;
use std::sync::Mutex;

use entrepot::stream::Store;

use super::Chance;

/// Snapshots in the order in which they were written.
pub(crate) struct Rotting {
    kept: Mutex<Vec<(String, Vec<u8>)>>,
    chance: Mutex<Chance>,
    /// Faults in a hundred calls.
    faults: u64,
}

impl Rotting {
    pub(crate) fn new(seed: u64, faults: u64) -> Rotting {
        Rotting { kept: Mutex::default(), chance: Mutex::new(Chance(seed)), faults }
    }

    /// Whether a call fails, and a number to fail by.
    fn struck(&self) -> Option<usize> {
        let mut chance = self.chance.lock().unwrap();
        chance.percent(self.faults).then(|| chance.next() as usize)
    }

    fn failure() -> io::Error {
        io::Error::from(io::ErrorKind::StorageFull)
    }
}

impl Store for Rotting {
    fn list(&self, place: &str) -> io::Result<Vec<String>> {
        if self.struck().is_some() {
            return Err(Rotting::failure());
        }
        let kept = self.kept.lock().unwrap();
        let is_here = |name: &&String| name.rsplit_once('/').is_some_and(|(folder, _)| folder == place);
        Ok(kept.iter().map(|(name, _)| name).filter(is_here).cloned().collect())
    }

    fn read(&self, name: &str) -> io::Result<Vec<u8>> {
        let rot = self.struck();
        let kept = self.kept.lock().unwrap();
        let found = kept.iter().find(|(known, _)| known == name);
        let mut bytes = found.ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))?.1.clone();
        match rot {
            // Half of the faults flip a bit, the others cut.
            Some(rot) if rot % 2 == 0 => {
                let at = (rot >> 8) % bytes.len();
                bytes[at] ^= 1 << (rot >> 4 & 7);
            }
            Some(rot) => bytes.truncate((rot >> 8) % bytes.len()),
            None => {}
        }
        Ok(bytes)
    }

    fn write(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        if self.struck().is_some() {
            return Err(Rotting::failure());
        }
        let mut kept = self.kept.lock().unwrap();
        kept.retain(|(known, _)| known != name);
        kept.push((name.to_owned(), bytes.to_vec()));
        Ok(())
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.kept.lock().unwrap().retain(|(known, _)| known != name);
        Ok(())
    }
}
