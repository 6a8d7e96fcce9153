//! What is known of a file that was fed before, and by what it is seen that it has changed. Sends nothing.

use std::io::{Read, Seek, SeekFrom};
use std::path::Path;
use std::time::SystemTime;

use super::exit::{Exit, Exits, Failure};
use super::reading::Reading;
use crate::stream::FeedProgress;

/// What is said of a file that has changed.
const MOVED: &str = "file has grown since it was fed, and its rows do not keep their places in messages: it is fed again whole";

/// How large a file is, and how far it was fed.
pub(super) struct Known {
    pub(super) bytes: u64,
    pub(super) progress: FeedProgress,
}

impl Known {
    /// From its beginning, where the file has another size and its rows do not keep their places as it grows: groups are in an order of
    /// their own, and a message may be the whole file. What says again what was said is known to the fold.
    pub(super) fn unless_moved(self, reading: &Reading, shown: &str) -> Known {
        if reading.keeps_rows() || self.progress.bytes == self.bytes {
            return self;
        }
        if self.progress.rows > 0 {
            tracing::warn!(file = shown, rows = self.progress.rows, "{MOVED}");
        }
        self.anew()
    }

    /// As if nothing of it had been fed.
    pub(super) fn anew(&self) -> Known {
        let progress = FeedProgress { bytes: self.bytes, rows: 0, done: false, digest: None, ..self.progress.clone() };
        Known { bytes: self.bytes, progress }
    }
}

/// By what a change of a file is seen.
pub(super) type Stamp = (u64, Option<SystemTime>);

pub(super) fn stamp_of(path: &Path) -> Option<Stamp> {
    let found = std::fs::metadata(path).ok()?;
    Some((found.len(), found.modified().ok()))
}

/// Whether the last line of a file has no end, so that it may be half a line.
pub(super) fn may_go_on(path: &Path, reading: &Reading) -> bool {
    let mut last = [0; 4];
    let read = std::fs::File::open(path).and_then(|mut file| {
        file.seek(SeekFrom::End(-4))?;
        file.read_exact(&mut last)
    });
    // A line feed in UTF-16 has a zero beside it. What ends a Parquet file goes on nowhere.
    let [.., one, other] = last;
    let ends = last == *b"PAR1" || one == b'\n' || other == b'\n';
    (reading.keeps_rows() || reading.needs_lines()) && read.is_ok() && !ends
}

pub(super) fn size_of(path: &Path) -> Result<u64, Failure> {
    let read = std::fs::metadata(path).exits(Exit::NotThere);
    Ok(read.map_err(|failure| failure.context(format!("reading {}", path.display())))?.len())
}

/// About how many rows are left, by the rows of the part that is known.
pub(super) fn rows_estimated(bytes: u64, progress: &FeedProgress) -> Option<u64> {
    let per_row = progress.bytes.checked_div(progress.rows)?.max(1);
    Some(bytes.saturating_sub(progress.bytes) / per_row)
}
