//! Avro's binary encoding with the schema it was written by → JSON. Own code, since a message may be anything: depth and
//! length of what it becomes are bounded before anything is made, which no reader of a whole tree of values does.

mod read;
mod schema;

use schema::{Node, Place};

/// A schema, its names resolved.
#[derive(Debug)]
pub(super) struct AvroSchema {
    nodes: Vec<Node>,
    root: Place,
}
