//! Snapshots in a folder: written beside, made durable, then given their name, which is never given twice.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use super::Store;

/// A folder of this machine, made when it is first written to.
#[derive(Clone, Debug)]
pub struct Folder {
    root: PathBuf,
}

impl Folder {
    /// Snapshots below this folder.
    pub fn new(root: &Path) -> Folder {
        Folder { root: root.to_owned() }
    }
}

impl Store for Folder {
    fn list(&self, place: &str) -> io::Result<Vec<String>> {
        let entries = match fs::read_dir(self.root.join(place)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries?,
        };
        let mut found = Vec::new();
        for entry in entries {
            let path = entry?.path();
            if path.extension() == Some(OsStr::new("snap"))
                && let (Some(name), Ok(about)) = (path.file_name().and_then(OsStr::to_str), path.metadata())
            {
                found.push((about.modified()?, format!("{place}/{name}")));
            }
        }
        found.sort();
        Ok(found.into_iter().map(|(_, name)| name).collect())
    }

    fn read(&self, name: &str) -> io::Result<Vec<u8>> {
        fs::read(self.root.join(name))
    }

    fn write(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let path = self.root.join(name);
        let folder = path.parent().unwrap_or(&self.root);
        fs::create_dir_all(folder)?;
        // What a process left that was killed while it wrote.
        for entry in fs::read_dir(folder)?.flatten() {
            if entry.path().extension() == Some(OsStr::new("tmp")) {
                drop(fs::remove_file(entry.path()));
            }
        }
        let beside = path.with_extension(format!("{}.tmp", std::process::id()));
        let mut file = File::create(&beside)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        drop(file);
        fs::rename(&beside, &path)?;
        File::open(folder)?.sync_all()
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        match fs::remove_file(self.root.join(name)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            done => done,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_listed_in_order_and_read_and_leaves_nothing_beside_it() {
        let home = tempfile::tempdir().unwrap();
        let folder = Folder::new(home.path());
        assert_eq!(folder.list("t/0").unwrap(), Vec::<String>::new());
        fs::create_dir_all(home.path().join("t/0")).unwrap();
        fs::write(home.path().join("t/0/9-1.4711.tmp"), b"half").unwrap();
        folder.write("t/0/9-1.snap", b"first").unwrap();
        folder.write("t/0/8-1.snap", b"second").unwrap();
        assert_eq!(folder.list("t/0").unwrap(), ["t/0/9-1.snap", "t/0/8-1.snap"]);
        assert_eq!(fs::read_dir(home.path().join("t/0")).unwrap().count(), 2);
        assert_eq!(folder.read("t/0/9-1.snap").unwrap(), b"first");
        folder.remove("t/0/9-1.snap").unwrap();
        folder.remove("t/0/9-1.snap").unwrap();
        assert_eq!(folder.list("t/0").unwrap(), ["t/0/8-1.snap"]);
    }

    #[test]
    fn a_place_that_cannot_be_written_is_an_error() {
        let home = tempfile::tempdir().unwrap();
        fs::write(home.path().join("t"), b"a file where the folder should be").unwrap();
        let folder = Folder::new(home.path());
        assert!(folder.write("t/0/9-1.snap", b"state").is_err());
        assert!(folder.list("t/0").is_err());
    }
}
