//! The schemas in `docs/schema/` are those that the types make. `UPDATE_EXPECT=1` writes them.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::float_cmp,
    reason = "a test that panics has failed, which is its way to say so"
)]

use std::path::Path;

use expect_test::expect_file;

#[test]
fn schemas_on_paper_are_those_of_the_types() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/schema");
    for (name, schema) in entrepot::encode::schemas() {
        expect_file![folder.join(name)].assert_eq(&schema);
    }
    let on_paper = std::fs::read_dir(&folder).unwrap().count();
    assert_eq!(on_paper, entrepot::encode::schemas().len(), "a file in {} that no type makes", folder.display());
}
