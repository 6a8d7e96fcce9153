//! The large data sets beside the repository. Reads them; checks nothing.

use std::io::Write as _;
use std::path::PathBuf;

/// A file of the large data sets; `None`, said loudly, where they are not there.
pub(crate) fn shared(path: &str) -> Option<Vec<u8>> {
    #[expect(clippy::disallowed_methods, reason = "a test finds its data by the environment")]
    let root = std::env::var("ENTREPOT_SHARED")
        .map_or_else(|_| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../shared")), PathBuf::from);
    let found = std::fs::read(root.join("data").join(path));
    if found.is_err() {
        // Past the capture of what a test prints: one that passes would say it to nobody.
        let said = format!("\nNOT TESTED: {path} is not there; set ENTREPOT_SHARED to the folder that holds data/\n");
        drop(std::io::stderr().write_all(said.as_bytes()));
    }
    found.ok()
}
