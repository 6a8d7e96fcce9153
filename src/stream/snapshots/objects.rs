//! Snapshots in an object store, by the crate `object_store`: one that all machines reach. A put is there whole or not at all.

use std::collections::BTreeMap;
use std::io;

use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt as _, parse_url_opts};
use tokio::runtime::Runtime;

use super::Store;

/// A bucket, or a folder in one.
pub struct Objects {
    store: Box<dyn ObjectStore>,
    root: Path,
    /// Calls come from threads of workers and of the writer; each waits for its own.
    runtime: Runtime,
}

impl Objects {
    /// The store at a URL such as `s3://bucket/folder`, `gs://bucket`, `az://container`, with the options that the crate knows.
    ///
    /// # Errors
    ///
    /// A URL or an option that it does not know.
    pub fn new(url: &str, options: &BTreeMap<String, String>) -> io::Result<Objects> {
        let invalid = |_| io::Error::new(io::ErrorKind::InvalidInput, format!("{url:?} is no URL"));
        let (store, root) = parse_url_opts(&url.parse().map_err(invalid)?, options)?;
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        Ok(Objects { store, root, runtime })
    }

    fn path(&self, name: &str) -> Path {
        name.split('/').fold(self.root.clone(), |path, part| path.join(part))
    }
}

impl Store for Objects {
    fn list(&self, place: &str) -> io::Result<Vec<String>> {
        let folder = self.path(place);
        let mut found = self.runtime.block_on(self.store.list_with_delimiter(Some(&folder)))?.objects;
        found.sort_by_key(|object| object.last_modified);
        let names = found.iter().filter_map(|object| object.location.filename());
        Ok(names.filter(|name| name.ends_with(".snap")).map(|name| format!("{place}/{name}")).collect())
    }

    fn read(&self, name: &str) -> io::Result<Vec<u8>> {
        let path = self.path(name);
        let bytes = self.runtime.block_on(async { self.store.get(&path).await?.bytes().await })?;
        Ok(bytes.to_vec())
    }

    fn write(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let path = self.path(name);
        self.runtime.block_on(self.store.put(&path, bytes.to_vec().into()))?;
        Ok(())
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        let path = self.path(name);
        match self.runtime.block_on(self.store.delete(&path)) {
            Err(object_store::Error::NotFound { .. }) => Ok(()),
            done => Ok(done?),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_listed_read_and_removed() {
        let folder = tempfile::tempdir().unwrap();
        let stores = ["memory:///kept".to_owned(), format!("file://{}", folder.path().display())];
        for url in stores {
            let objects = Objects::new(&url, &BTreeMap::new()).unwrap();
            assert_eq!(objects.list("t/0").unwrap(), Vec::<String>::new(), "{url}");
            objects.write("t/0/9-1.snap", b"first").unwrap();
            objects.write("t/0/8-1.snap", b"second").unwrap();
            objects.write("t/1/8-1.snap", b"another's").unwrap();
            let mut listed = objects.list("t/0").unwrap();
            listed.sort();
            assert_eq!(listed, ["t/0/8-1.snap", "t/0/9-1.snap"], "{url}");
            assert_eq!(objects.read("t/0/9-1.snap").unwrap(), b"first");
            objects.remove("t/0/9-1.snap").unwrap();
            objects.remove("t/0/9-1.snap").unwrap();
            assert_eq!(objects.list("t/0").unwrap(), ["t/0/8-1.snap"], "{url}");
        }
    }

    #[test]
    fn a_url_or_an_option_that_nobody_knows_is_an_error() {
        assert!(Objects::new("ftp://host/kept", &BTreeMap::new()).is_err());
        assert!(Objects::new("no url", &BTreeMap::new()).is_err());
    }
}
