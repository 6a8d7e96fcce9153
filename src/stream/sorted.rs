//! Records put in the order of their keys: in memory while they are few, then as sorted runs in a file without a name that are merged.
//! Knows nothing of what they mean. A library that bounds its memory by the count of records would not do: a row has 10 bytes or a million.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::os::unix::fs::FileExt;

use super::LogError;
use super::spill::{failed, nameless_file};

/// Bytes of records in memory before a run is written.
const MEMORY: usize = 64 << 20;
/// Bytes of a run that are read at a time.
const READ: usize = 64 << 10;
/// Before each record of a run: the lengths of key and value.
const LENGTHS: usize = 8;

/// Records on their way into an order. Equal keys keep the order in which they came.
#[derive(Debug)]
pub struct Sorter {
    memory_max: usize,
    /// Keys and values, one after the other, and where each begins.
    bytes: Vec<u8>,
    index: Vec<Entry>,
    file: Option<BufWriter<File>>,
    written: u64,
    /// Where each run begins and ends.
    runs: Vec<(u64, u64)>,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    /// The first bytes of the key, which mostly decide.
    head: u64,
    start: usize,
    key: u32,
    value: u32,
}

/// A record: key and value.
pub type Keyed = (Vec<u8>, Vec<u8>);

impl Default for Sorter {
    fn default() -> Sorter {
        Sorter::new(MEMORY)
    }
}

impl Sorter {
    /// Holds about that many bytes in memory.
    pub fn new(memory_max: usize) -> Sorter {
        Sorter { memory_max, bytes: Vec::new(), index: Vec::new(), file: None, written: 0, runs: Vec::new() }
    }

    /// Whether a record of so many bytes more would not be held in memory.
    pub fn is_full_with(&self, bytes: usize) -> bool {
        self.bytes.len() + bytes + (self.index.len() + 1) * size_of::<Entry>() > self.memory_max
    }

    /// Takes a record.
    ///
    /// # Errors
    ///
    /// Where the file cannot be made or written.
    pub fn push(&mut self, key: &[u8], value: &[u8]) -> Result<(), LogError> {
        let length = |bytes: &[u8]| u32::try_from(bytes.len()).expect("a record is limited to far less than 4 GiB");
        let entry = Entry { head: head_of(key), start: self.bytes.len(), key: length(key), value: length(value) };
        self.bytes.extend_from_slice(key);
        self.bytes.extend_from_slice(value);
        self.index.push(entry);
        if self.bytes.len() + self.index.len() * size_of::<Entry>() > self.memory_max {
            self.write_run()?;
        }
        Ok(())
    }

    /// All of them, in order.
    ///
    /// # Errors
    ///
    /// Where the file cannot be made, written or read.
    pub fn sorted(mut self) -> Result<Sorted, LogError> {
        if !self.runs.is_empty() {
            self.write_run()?;
            (self.bytes, self.index) = (Vec::new(), Vec::new());
        }
        self.sort();
        let file = match self.file.take().map(BufWriter::into_inner) {
            None => None,
            Some(Ok(file)) => Some(file),
            Some(Err(error)) => return Err(failed("writing", error.into_error())),
        };
        Ok(Sorted { bytes: self.bytes, index: self.index, file, runs: self.runs })
    }

    fn sort(&mut self) {
        let bytes = &self.bytes;
        self.index.sort_by(|a, b| a.head.cmp(&b.head).then_with(|| of(bytes, *a).0.cmp(of(bytes, *b).0)));
    }

    fn write_run(&mut self) -> Result<(), LogError> {
        if self.index.is_empty() {
            return Ok(());
        }
        self.sort();
        let file = match &mut self.file {
            Some(file) => file,
            none => none.insert(BufWriter::with_capacity(1 << 20, nameless_file()?)),
        };
        let from = self.written;
        for entry in &self.index {
            let (key, value) = of(&self.bytes, *entry);
            for part in [&entry.key.to_le_bytes(), &entry.value.to_le_bytes(), key, value] {
                file.write_all(part).map_err(|error| failed("writing", error))?;
            }
            self.written += (LENGTHS + key.len() + value.len()) as u64;
        }
        self.runs.push((from, self.written));
        self.bytes.clear();
        self.index.clear();
        Ok(())
    }
}

/// A number that orders keys as their first bytes do; what is shorter is filled up, and the keys themselves decide.
fn head_of(key: &[u8]) -> u64 {
    let mut head = [0; 8];
    head.iter_mut().zip(key).for_each(|(place, byte)| *place = *byte);
    u64::from_be_bytes(head)
}

fn of(bytes: &[u8], entry: Entry) -> (&[u8], &[u8]) {
    let rest = bytes.get(entry.start..).unwrap_or_default();
    let (key, rest) = rest.split_at_checked(entry.key as usize).unwrap_or_default();
    (key, rest.get(..entry.value as usize).unwrap_or_default())
}

/// Records in order, to be gone through as often as wanted.
#[derive(Debug)]
pub struct Sorted {
    /// All of them, where no run was written.
    bytes: Vec<u8>,
    index: Vec<Entry>,
    file: Option<File>,
    runs: Vec<(u64, u64)>,
}

impl Sorted {
    /// Goes through them from the first on.
    ///
    /// # Errors
    ///
    /// Where the file cannot be read.
    pub fn walk(&self) -> Result<Walk<'_>, LogError> {
        let runs = self.runs.iter().map(|(from, to)| Run { at: *from, end: *to, buffer: Vec::new(), read: 0 }).collect();
        let mut walk = Walk { sorted: self, index: self.index.iter(), runs, next: BinaryHeap::new() };
        (0..walk.runs.len()).try_for_each(|run| walk.advance(run))?;
        Ok(walk)
    }
}

/// A way through records in order.
#[derive(Debug)]
pub struct Walk<'a> {
    sorted: &'a Sorted,
    index: std::slice::Iter<'a, Entry>,
    runs: Vec<Run>,
    /// The next record of each run: of equal keys that of the earlier run comes first.
    next: BinaryHeap<Reverse<Next>>,
}

/// Key, run and value.
type Next = (Vec<u8>, usize, Vec<u8>);

#[derive(Debug)]
struct Run {
    at: u64,
    end: u64,
    buffer: Vec<u8>,
    read: usize,
}

impl Walk<'_> {
    /// The next record; `None` at the end.
    ///
    /// # Errors
    ///
    /// Where the file cannot be read.
    pub fn take(&mut self) -> Result<Option<Keyed>, LogError> {
        if self.sorted.file.is_none() {
            let next = self.index.next().map(|entry| of(&self.sorted.bytes, *entry));
            return Ok(next.map(|(key, value)| (key.to_vec(), value.to_vec())));
        }
        let Some(Reverse((key, run, value))) = self.next.pop() else { return Ok(None) };
        self.advance(run)?;
        Ok(Some((key, value)))
    }

    fn advance(&mut self, run: usize) -> Result<(), LogError> {
        let (Some(file), Some(from)) = (&self.sorted.file, self.runs.get_mut(run)) else { return Ok(()) };
        if let Some((key, value)) = from.next(file)? {
            self.next.push(Reverse((key, run, value)));
        }
        Ok(())
    }
}

impl Run {
    fn next(&mut self, file: &File) -> Result<Option<Keyed>, LogError> {
        if self.at == self.end && self.read == self.buffer.len() {
            return Ok(None);
        }
        self.fill(file, LENGTHS)?;
        let length = |at: usize| {
            let bytes = self.buffer.get(self.read + at..self.read + at + 4).and_then(|bytes| bytes.try_into().ok());
            u32::from_le_bytes(bytes.unwrap_or_default()) as usize
        };
        let (key, value) = (length(0), length(4));
        self.fill(file, LENGTHS + key + value)?;
        let record = self.buffer.get(self.read + LENGTHS..self.read + LENGTHS + key + value).unwrap_or_default();
        let (key, value) = record.split_at(key);
        let found = (key.to_vec(), value.to_vec());
        self.read += LENGTHS + record.len();
        Ok(Some(found))
    }

    /// Sees to it that so many bytes can be read.
    fn fill(&mut self, file: &File, wanted: usize) -> Result<(), LogError> {
        let there = self.buffer.len() - self.read;
        if there >= wanted {
            return Ok(());
        }
        self.buffer.drain(..self.read);
        self.read = 0;
        let left = usize::try_from(self.end - self.at).unwrap_or(usize::MAX);
        let more = (wanted - there).max(READ).min(left);
        self.buffer.resize(there + more, 0);
        let into = self.buffer.get_mut(there..).unwrap_or_default();
        file.read_exact_at(into, self.at).map_err(|error| failed("reading", error))?;
        self.at += more as u64;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sorted(records: &[Keyed], memory_max: usize) -> (Vec<Keyed>, usize) {
        let mut sorter = Sorter::new(memory_max);
        records.iter().for_each(|(key, value)| sorter.push(key, value).unwrap());
        let sorted = sorter.sorted().unwrap();
        let walk = || -> Vec<Keyed> {
            let mut walk = sorted.walk().unwrap();
            std::iter::from_fn(|| walk.take().unwrap()).collect()
        };
        let all = walk();
        assert_eq!(walk(), all, "a second way through");
        (all, sorted.runs.len())
    }

    #[test]
    fn records_longer_than_what_is_read_at_a_time_come_back_whole() {
        let long = |sign: u8| (vec![sign], vec![sign; 3 * READ + usize::from(sign)]);
        let records = [long(3), long(1), (vec![2], Vec::new()), long(1)];
        let (found, runs) = sorted(&records, READ);
        assert_eq!((found.as_slice(), runs), ([long(1), long(1), (vec![2], Vec::new()), long(3)].as_slice(), 3));
        assert_eq!(sorted(&[], READ), (Vec::new(), 0));
    }

    #[test]
    fn it_is_full_with_what_would_make_it_write() {
        let mut sorter = Sorter::new(3 * (size_of::<Entry>() + 4));
        while !sorter.is_full_with(4) {
            sorter.push(b"ke", b"va").unwrap();
        }
        assert_eq!((sorter.index.len(), sorter.runs.len()), (3, 0));
        sorter.push(b"ke", b"va").unwrap();
        assert_eq!(sorter.runs.len(), 1);
    }

    proptest! {
        #[test]
        fn it_is_a_stable_sort_however_much_fits_into_memory(
            keys in prop::collection::vec(prop::collection::vec(0u8..3, 0..4), 0..200),
            memory_max in prop_oneof![Just(0usize), 1usize..2_000, Just(1 << 20)],
        ) {
            // The value is the order in which it came.
            let records: Vec<Keyed> = keys.iter().zip(0u32..).map(|(key, n)| (key.clone(), n.to_be_bytes().to_vec())).collect();
            let mut wanted = records.clone();
            wanted.sort_by(|a, b| a.0.cmp(&b.0));
            prop_assert_eq!(sorted(&records, memory_max).0, wanted);
        }
    }
}
