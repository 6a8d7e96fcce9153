//! What of a mapping decides which messages a file becomes. With another shape a row stands at another place among them.

use toml::{Table, Value};

/// As a text that stays the same while files become the same messages, whatever else of the mapping is mended.
pub(super) fn shape(mapping: &str) -> String {
    let whole: Table = mapping.parse().unwrap_or_default();
    let section = |name: &str| whole.get(name).and_then(Value::as_table).cloned().unwrap_or_default();
    let (mut envelope, mut columns, mut join) = (section("envelope"), section("columns"), section("join"));
    // What is refused or left out was cut before.
    envelope.remove("error");
    join.retain(|key, _| !["orphan", "aside"].contains(&key));
    let is = |key: &str, word: &str| envelope.get(key).and_then(Value::as_str) == Some(word);
    let finds_header = is("preamble", "until-header");
    // Their messages are made of cells, and not of the file's own bytes.
    let takes_cells = is("format", "parquet") || !join.is_empty();
    columns.retain(|key, _| match key {
        "header" => true,
        "names" | "aliases" => finds_header || takes_cells,
        "required" => finds_header,
        "never" => takes_cells,
        _ => false,
    });
    let gather = section("gather");
    format!("{envelope:?} {columns:?} {join:?} {:?}", gather.get("by"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAPPING: &str = r#"
        [envelope]
        format = "csv"
        [columns]
        required = ["HS"]
        [gather]
        by = ["HS"]
        [fields]
        hs = "HS"
    "#;

    #[track_caller]
    fn differs(from: &str, to: &str) -> bool {
        assert!(MAPPING.contains(from), "{from}");
        shape(MAPPING) != shape(&MAPPING.replacen(from, to, 1))
    }

    #[test]
    fn what_cuts_a_file_is_told_from_what_reads_it() {
        assert!(differs("\"csv\"", "\"csv\"\npreamble = 1"));
        assert!(differs("\"csv\"", "\"csv\"\nmessage = \"file\""));
        assert!(differs("required", "header = [\"HS\"]\nrequired"));
        assert!(differs("by = [\"HS\"]", "by = [\"HS\", \"Month\"]"));
        for (from, to) in [
            ("hs = \"HS\"", "hs = { column = \"HS\", text = \"trim\" }"),
            ("required = [\"HS\"]", "required = [\"HS\", \"Month\"]\nnulls = [\"-\"]"),
            ("\"csv\"", "\"csv\"\nerror = \"/error\" # and why"),
        ] {
            assert!(!differs(from, to), "{to}");
        }
    }
}
