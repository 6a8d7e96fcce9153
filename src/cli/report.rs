//! The page of HTML that `--report` asks for. What is there already is left alone, with exit 73.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use super::exit::{Exit, Exits, Failure};

/// Refuses, before the work is done, a file that is there.
pub(super) fn refuse_present(path: Option<&PathBuf>) -> Result<(), Failure> {
    match path.filter(|path| path.exists()) {
        Some(path) => Err(Failure::new(Exit::CannotCreate, format!("--report {}: is there already", path.display()))),
        None => Ok(()),
    }
}

/// Writes the page; one that has come to be there meanwhile is left alone. A part of it would be in the way of the next.
pub(super) fn write(path: &Path, html: &str) -> Result<(), Failure> {
    let written = File::create_new(path)
        .and_then(|mut file| file.write_all(html.as_bytes()).inspect_err(|_| drop(std::fs::remove_file(path))));
    written.exits(Exit::CannotCreate).map_err(|failure| failure.context(format!("--report {}", path.display())))
}
