//! Records put in the order of their keys: in memory while they are few, then as sorted runs in a file without a name that are merged.
//! Knows nothing of what they mean. A library that bounds its memory by the count of records would not do: a row has 10 bytes or a million.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;
use std::collections::binary_heap::PeekMut;
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
    head: Head,
    start: usize,
    key: u32,
    value: u32,
}

/// The first bytes of a key, as numbers in the same order; what is shorter is filled up with zeros. Most keys are no longer,
/// so that sorting looks at no record: they lie all over the memory.
type Head = [u64; 3];

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

    /// Takes a record: its key, and the two parts of its value.
    ///
    /// # Errors
    ///
    /// Where the file cannot be made or written.
    pub fn push(&mut self, key: &[u8], (front, back): (&[u8], &[u8])) -> Result<(), LogError> {
        let length = |bytes: usize| u32::try_from(bytes).expect("a record is limited to far less than 4 GiB");
        let value = length(front.len() + back.len());
        self.index.push(Entry { head: head_of(key), start: self.bytes.len(), key: length(key.len()), value });
        [key, front, back].into_iter().for_each(|part| self.bytes.extend_from_slice(part));
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
        self.index.sort_by(|a, b| a.head.cmp(&b.head).then_with(|| behind_heads(bytes, (*a, *b))));
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

fn head_of(key: &[u8]) -> Head {
    let mut bytes = [0; size_of::<Head>()];
    bytes.iter_mut().zip(key).for_each(|(place, byte)| *place = *byte);
    let mut head = Head::default();
    let numbers = bytes.chunks_exact(8).map(|bytes| u64::from_be_bytes(bytes.try_into().unwrap_or_default()));
    head.iter_mut().zip(numbers).for_each(|(place, number)| *place = number);
    head
}

/// The order of records whose heads are equal.
fn behind_heads(bytes: &[u8], (a, b): (Entry, Entry)) -> Ordering {
    // Keys that are no longer differ in zeros at their ends alone, and the shorter comes first.
    let are_whole = a.key.max(b.key) as usize <= size_of::<Head>();
    if are_whole { a.key.cmp(&b.key) } else { of(bytes, a).0.cmp(of(bytes, b).0) }
}

fn of(bytes: &[u8], entry: Entry) -> (&[u8], &[u8]) {
    let rest = bytes.get(entry.start..).unwrap_or_default();
    let (key, rest) = rest.split_at_checked(entry.key as usize).unwrap_or_default();
    (key, rest.get(..entry.value as usize).unwrap_or_default())
}

/// A record: key and value.
type Keyed = (Vec<u8>, Vec<u8>);

/// Records in order, to be gone through as often as is wanted.
#[derive(Debug)]
pub struct Sorted {
    /// All of them, where no run was written.
    bytes: Vec<u8>,
    index: Vec<Entry>,
    file: Option<File>,
    /// Where each run begins and ends.
    runs: Vec<(u64, u64)>,
}

impl Sorted {
    /// Goes through them from the first on.
    ///
    /// # Errors
    ///
    /// Where the file cannot be read.
    pub fn walk(&self) -> Result<Walk<'_>, LogError> {
        let mut runs: Vec<Run> = self.runs.iter().map(|(from, to)| Run { at: *from, end: *to, ..Run::default() }).collect();
        let mut next = BinaryHeap::with_capacity(runs.len());
        if let Some(file) = &self.file {
            for (number, run) in runs.iter_mut().enumerate() {
                if run.advance(file)? {
                    let (key, _) = run.record();
                    next.push(Reverse(Next { head: head_of(key), key: key.to_vec(), run: number }));
                }
            }
        }
        Ok(Walk { sorted: self, index: self.index.iter(), runs, next })
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

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Next {
    head: Head,
    key: Vec<u8>,
    run: usize,
}

/// A run from its next record on.
#[derive(Debug, Default)]
struct Run {
    at: u64,
    end: u64,
    buffer: Vec<u8>,
    /// Where its next record begins behind its lengths, and those of its key and value.
    read: usize,
    key: usize,
    value: usize,
}

/// The records of one key. It is filled again and again, so that its memory is taken once.
#[derive(Debug, Default)]
pub struct Group {
    key: Vec<u8>,
    bytes: Vec<u8>,
    /// Where each value ends.
    ends: Vec<usize>,
}

impl Group {
    /// The key.
    pub fn key(&self) -> &[u8] {
        &self.key
    }

    /// The values, in the order in which they came.
    pub fn values(&self) -> impl Iterator<Item = &[u8]> {
        let starts = std::iter::once(&0).chain(&self.ends);
        starts.zip(&self.ends).map(|(start, end)| self.bytes.get(*start..*end).unwrap_or_default())
    }

    /// Takes a value, where it is of the same key or the first.
    fn take(&mut self, key: &[u8], value: &[u8]) -> bool {
        if self.ends.is_empty() {
            self.key.extend_from_slice(key);
        } else if self.key != key {
            return false;
        }
        self.bytes.extend_from_slice(value);
        self.ends.push(self.bytes.len());
        true
    }
}

impl Walk<'_> {
    /// The next record; `None` at the end.
    ///
    /// # Errors
    ///
    /// Where the file cannot be read.
    pub fn take(&mut self) -> Result<Option<Keyed>, LogError> {
        self.show(|key, value| Some((key.to_vec(), value.to_vec())))
    }

    /// Puts the records of the next key into `group`, in place of what it held; whether there were any.
    ///
    /// # Errors
    ///
    /// Where the file cannot be read.
    pub fn take_group(&mut self, group: &mut Group) -> Result<bool, LogError> {
        group.key.clear();
        group.bytes.clear();
        group.ends.clear();
        while self.show(|key, value| group.take(key, value).then_some(()))?.is_some() {}
        Ok(!group.ends.is_empty())
    }

    /// Shows the next record, and goes on where something is made of it.
    fn show<T>(&mut self, see: impl FnOnce(&[u8], &[u8]) -> Option<T>) -> Result<Option<T>, LogError> {
        let Some(file) = &self.sorted.file else {
            let Some(entry) = self.index.as_slice().first() else { return Ok(None) };
            let (key, value) = of(&self.sorted.bytes, *entry);
            let seen = see(key, value);
            if seen.is_some() {
                self.index.next();
            }
            return Ok(seen);
        };
        let Some(mut first) = self.next.peek_mut() else { return Ok(None) };
        let Some(run) = self.runs.get_mut(first.0.run) else { return Ok(None) };
        let (key, value) = run.record();
        let Some(seen) = see(key, value) else { return Ok(None) };
        if run.advance(file)? {
            let (key, _) = run.record();
            let next = &mut first.0;
            next.head = head_of(key);
            next.key.clear();
            next.key.extend_from_slice(key);
        } else {
            PeekMut::pop(first);
        }
        Ok(Some(seen))
    }
}

impl Run {
    /// Goes to its next record; whether there is one.
    fn advance(&mut self, file: &File) -> Result<bool, LogError> {
        self.read += self.key + self.value;
        (self.key, self.value) = (0, 0);
        if self.at == self.end && self.read == self.buffer.len() {
            return Ok(false);
        }
        self.fill(file, LENGTHS)?;
        let length = |at: usize| {
            let bytes = self.buffer.get(self.read + at..self.read + at + 4).and_then(|bytes| bytes.try_into().ok());
            u32::from_le_bytes(bytes.unwrap_or_default()) as usize
        };
        let (key, value) = (length(0), length(4));
        self.fill(file, LENGTHS + key + value)?;
        (self.read, self.key, self.value) = (self.read + LENGTHS, key, value);
        Ok(true)
    }

    /// Key and value of its next record.
    fn record(&self) -> (&[u8], &[u8]) {
        let record = self.buffer.get(self.read..self.read + self.key + self.value).unwrap_or_default();
        record.split_at_checked(self.key).unwrap_or_default()
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
        records.iter().for_each(|(key, value)| sorter.push(key, value.split_at(value.len() / 3)).unwrap());
        let sorted = sorter.sorted().unwrap();
        let (mut walk, mut group, mut all) = (sorted.walk().unwrap(), Group::default(), Vec::new());
        while walk.take_group(&mut group).unwrap() {
            assert!(all.last().is_none_or(|(key, _): &Keyed| key != group.key()), "a key comes once");
            all.extend(group.values().map(|value| (group.key().to_vec(), value.to_vec())));
        }
        let mut again = sorted.walk().unwrap();
        assert!(all.iter().all(|record| again.take().unwrap().as_ref() == Some(record)), "a second way through");
        assert_eq!(again.take().unwrap(), None);
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

    proptest! {
        #[test]
        fn it_is_a_stable_sort_however_much_fits_into_memory(
            keys in prop::collection::vec((0usize..2, prop::collection::vec(0u8..3, 0..4)), 0..200),
            memory_max in prop_oneof![Just(0usize), 1usize..2_000, Just(1 << 20)],
        ) {
            // The value is the order in which it came.
            // Some keys are as long as what is looked at first, and a little longer.
            let keys = keys.into_iter().map(|(long, key)| [vec![1; long * (size_of::<Head>() - 2)], key].concat());
            let records: Vec<Keyed> = keys.zip(0u32..).map(|(key, n)| (key, n.to_be_bytes().to_vec())).collect();
            let mut wanted = records.clone();
            wanted.sort_by(|a, b| a.0.cmp(&b.0));
            prop_assert_eq!(sorted(&records, memory_max).0, wanted);
        }
    }
}
