//! The bytes of a snapshot: magic, header, compressed state, and a hash over all of it. Verified whole before any of it is used.

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use crate::domain::{Message, Offset, Partition, Timestamp};

/// The form of these bytes; another form gets another number.
const MAGIC: &[u8; 8] = b"entsnap1";
/// Bytes of the hash at the end.
const HASH: usize = 8;
/// A state is compressed quickly rather than well: it is read back once.
const LEVEL: i32 = 1;

/// What a snapshot is of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Header {
    /// What else than the messages the state follows from: versions, model, bundle.
    pub(super) made_by: String,
    pub(super) topic: String,
    pub(super) partition: Partition,
    /// The offset behind the last message that is in it.
    pub(super) next: Offset,
    /// The hash of that message.
    pub(super) last: u64,
}

/// `<next offset>-<hash of the state>.snap`: the same state has the same name, and no two share one.
pub(super) fn name_of(next: Offset, state: &[u8]) -> String {
    format!("{next:020}-{:016x}.snap", xxh3_64(state))
}

/// The offset that a name tells.
pub(super) fn offset_in(name: &str) -> Option<Offset> {
    let (_, file) = name.rsplit_once('/')?;
    let (next, _) = file.strip_suffix(".snap")?.split_once('-')?;
    next.parse().ok()
}

/// The bytes of a snapshot.
///
/// # Errors
///
/// Where the compressor fails, which it does for want of memory alone.
pub(super) fn write(header: &Header, state: &[u8]) -> Result<Vec<u8>, String> {
    let mut bytes = MAGIC.to_vec();
    bytes = postcard::to_extend(header, bytes).map_err(|error| error.to_string())?;
    bytes = postcard::to_extend(&(state.len() as u64), bytes).map_err(|error| error.to_string())?;
    bytes.extend(zstd::bulk::compress(state, LEVEL).map_err(|error| error.to_string())?);
    bytes.extend(xxh3_64(&bytes).to_le_bytes());
    Ok(bytes)
}

/// What the bytes hold.
///
/// # Errors
///
/// What is wrong with them.
pub(super) fn read(bytes: &[u8]) -> Result<(Header, Vec<u8>), String> {
    let (kept, hash) = bytes.split_last_chunk::<HASH>().ok_or("the file ends before its hash")?;
    if xxh3_64(kept) != u64::from_le_bytes(*hash) {
        return Err("the file has another hash than was written with it".to_owned());
    }
    let rest = kept.strip_prefix(MAGIC).ok_or("the file is no snapshot of this form")?;
    let (header, rest) = postcard::take_from_bytes::<Header>(rest).map_err(|error| error.to_string())?;
    let (length, rest) = postcard::take_from_bytes::<u64>(rest).map_err(|error| error.to_string())?;
    let length = usize::try_from(length).map_err(|error| error.to_string())?;
    let state = zstd::bulk::decompress(rest, length).map_err(|error| error.to_string())?;
    if state.len() == length { Ok((header, state)) } else { Err("the state has another length".to_owned()) }
}

/// What tells a message from every other under its offset: its key, its bytes, and when it was appended.
pub(in super::super) fn hash_of(message: &Message) -> u64 {
    let appended = message.timestamp.map_or(0, Timestamp::as_millisecond);
    let part = |bytes: &Option<Vec<u8>>| bytes.as_ref().map_or(0, |bytes| xxh3_64(bytes));
    let parts = [part(&message.key), part(&message.value), u64::from_le_bytes(appended.to_le_bytes())];
    xxh3_64(&parts.map(u64::to_le_bytes).concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header() -> Header {
        Header { made_by: "m".to_owned(), topic: "t".to_owned(), partition: 3, next: 711, last: 42 }
    }

    #[test]
    fn what_was_written_is_read() {
        for state in [&b""[..], b"state", &[7; 100_000]] {
            assert_eq!(read(&write(&header(), state).unwrap()), Ok((header(), state.to_vec())));
        }
    }

    #[test]
    fn every_cut_and_every_flipped_bit_is_an_error() {
        let whole = write(&header(), b"a state of some length").unwrap();
        for at in 0..whole.len() {
            assert!(read(&whole[..at]).is_err(), "cut at {at}");
            for bit in 0..8 {
                let mut flipped = whole.clone();
                flipped[at] ^= 1 << bit;
                assert!(read(&flipped).is_err(), "bit {bit} of byte {at}");
            }
        }
    }

    #[test]
    fn names_sort_as_offsets_and_tell_them() {
        let names = [9, 10, 1_000_000].map(|next| format!("t/0/{}", name_of(next, b"state")));
        assert!(names.is_sorted());
        assert_eq!(names.map(|name| offset_in(&name)), [Some(9), Some(10), Some(1_000_000)]);
        assert_eq!(["t/0/9.tmp", "t/0/x-1.snap", "9-1.snap"].map(offset_in), [None; 3]);
    }
}
