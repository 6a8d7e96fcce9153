//! Bytes put aside: in memory while they are few, then in a file without a name. Knows nothing of what they mean.
//!
//! A million records make more bytes than a small machine has to spare; what is read again by position need not be held.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::os::unix::fs::FileExt;

use super::LogError;

/// Where some bytes stand in a [`Spill`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    start: u64,
    length: u32,
}

impl Span {
    /// As bytes, for those who keep many.
    pub fn to_bytes(self) -> [u8; 12] {
        let mut bytes = [0; 12];
        let parts = self.start.to_le_bytes().into_iter().chain(self.length.to_le_bytes());
        bytes.iter_mut().zip(parts).for_each(|(place, byte)| *place = byte);
        bytes
    }

    /// The same, read.
    pub fn from_bytes([a, b, c, d, e, f, g, h, length @ ..]: [u8; 12]) -> Span {
        Span { start: u64::from_le_bytes([a, b, c, d, e, f, g, h]), length: u32::from_le_bytes(length) }
    }
}

/// Bytes put aside.
#[derive(Debug)]
pub struct Spill {
    memory: Vec<u8>,
    memory_bytes_max: usize,
    file: Option<BufWriter<File>>,
    file_bytes: u64,
}

impl Default for Spill {
    fn default() -> Spill {
        Spill::new(8 << 20)
    }
}

impl Spill {
    /// Holds that many bytes in memory; what comes after goes to a file.
    pub fn new(memory_bytes_max: usize) -> Spill {
        Spill { memory: Vec::new(), memory_bytes_max, file: None, file_bytes: 0 }
    }

    /// Puts bytes aside.
    ///
    /// # Errors
    ///
    /// Where the file cannot be made or written.
    pub fn push(&mut self, bytes: &[u8]) -> Result<Span, LogError> {
        let length = u32::try_from(bytes.len()).expect("payloads are limited to far less than 4 GiB");
        if self.file.is_none() && self.memory.len() + bytes.len() <= self.memory_bytes_max {
            if self.memory.capacity() == 0 {
                // Doubling would hold three times as much while it copies. What is not written to is not there.
                self.memory.reserve_exact(self.memory_bytes_max);
            }
            let start = self.memory.len() as u64;
            self.memory.extend_from_slice(bytes);
            return Ok(Span { start, length });
        }
        let file = match &mut self.file {
            Some(file) => file,
            none => none.insert(BufWriter::with_capacity(1 << 20, nameless_file()?)),
        };
        file.write_all(bytes).map_err(|error| failed("writing", error))?;
        let start = self.memory.len() as u64 + self.file_bytes;
        self.file_bytes += u64::from(length);
        Ok(Span { start, length })
    }

    /// Makes what was put aside readable.
    ///
    /// # Errors
    ///
    /// Where the file cannot be written.
    pub fn settle(&mut self) -> Result<(), LogError> {
        self.file.as_mut().map_or(Ok(()), BufWriter::flush).map_err(|error| failed("writing", error))
    }

    /// Reads bytes back, after [`Spill::settle`].
    ///
    /// # Errors
    ///
    /// Where the file cannot be read.
    pub fn read(&self, span: Span, into: &mut Vec<u8>) -> Result<(), LogError> {
        into.clear();
        if let Some(bytes) = self.in_memory(span) {
            into.extend_from_slice(bytes);
            return Ok(());
        }
        self.read_file(span, into)
    }

    /// The same without a copy where the bytes are in memory; else they are read into `buffer`.
    ///
    /// # Errors
    ///
    /// Where the file cannot be read.
    pub fn get<'a>(&'a self, span: Span, buffer: &'a mut Vec<u8>) -> Result<&'a [u8], LogError> {
        match self.in_memory(span) {
            Some(bytes) => Ok(bytes),
            None => {
                self.read_file(span, buffer)?;
                Ok(buffer)
            }
        }
    }

    fn in_memory(&self, span: Span) -> Option<&[u8]> {
        if span.length == 0 {
            return Some(&[]);
        }
        if span.start >= self.memory.len() as u64 {
            return None;
        }
        let start = usize::try_from(span.start).unwrap_or(usize::MAX);
        Some(self.memory.get(start..start + span.length as usize).expect("a span was made by this spill"))
    }

    fn read_file(&self, span: Span, into: &mut Vec<u8>) -> Result<(), LogError> {
        let in_memory = self.memory.len() as u64;
        let file = self.file.as_ref().expect("a span beyond memory was made by writing the file");
        into.resize(span.length as usize, 0);
        file.get_ref().read_exact_at(into, span.start - in_memory).map_err(|error| failed("reading", error))
    }
}

pub(super) fn failed(doing: &'static str, source: std::io::Error) -> LogError {
    LogError::Scratch { folder: std::env::temp_dir().display().to_string(), doing, detail: source.to_string() }
}

/// A file that is gone as soon as it is closed, however the process ends.
///
/// # Errors
///
/// Where none can be made.
pub fn nameless_file() -> Result<File, LogError> {
    let folder = std::env::temp_dir();
    for attempt in 0..1_000 {
        let path = folder.join(format!("entrepot-{}-{attempt}", std::process::id()));
        match File::options().read(true).write(true).create_new(true).open(&path) {
            Ok(file) => {
                std::fs::remove_file(&path).map_err(|error| failed("making a file", error))?;
                return Ok(file);
            }
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(failed("making a file", error)),
        }
    }
    Err(failed("making a file", std::io::ErrorKind::AlreadyExists.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_come_back_from_memory_and_from_the_file() {
        let mut spill = Spill::new(8);
        let words: [&[u8]; 5] = [b"abc", b"", b"defgh", b"ijkl", b"m"];
        let spans: Vec<Span> = words.iter().map(|word| spill.push(word).unwrap()).collect();
        spill.settle().unwrap();
        let mut found = Vec::new();
        for (span, word) in spans.iter().zip(words) {
            assert_eq!(Span::from_bytes(span.to_bytes()), *span);
            spill.read(*span, &mut found).unwrap();
            assert_eq!(found, word);
            assert_eq!(spill.get(*span, &mut Vec::new()).unwrap(), word);
        }
        let mut empty = Spill::new(8);
        let nothing = empty.push(b"").unwrap();
        assert_eq!(empty.get(nothing, &mut Vec::new()).unwrap(), b"");
        assert!(spill.file.is_some(), "the fourth word does not fit into memory");
    }
}
