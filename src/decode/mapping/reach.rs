//! What lies where in a message that is joined, as far as its parts tell: rows would not tell a mistaken place from one that is empty.

use super::reader::nearest;
use super::value::Column;
use crate::decode::json::{Pointer, Step};

/// A part, as those see it who read messages.
#[derive(Clone, Debug)]
pub(super) struct Part {
    pub(super) name: String,
    /// A list of rows, where it may have several.
    pub(super) many: bool,
    /// What is taken over; any column, where absent.
    pub(super) columns: Option<Vec<String>>,
}

/// The parts, and what rows stand for.
#[derive(Clone, Debug)]
pub(super) struct Reach {
    key: String,
    parts: Vec<Part>,
    row: Spot,
}

/// A place in a message. Parts go by their index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Spot {
    /// All of it.
    Message,
    /// The rows of a part that may have several.
    List(usize),
    Row(usize),
    Cell,
}

impl Reach {
    pub(super) fn new(key: &str, parts: Vec<Part>) -> Reach {
        Reach { key: key.to_owned(), parts, row: Spot::Message }
    }

    /// The same where each row that a list holds stands for itself.
    pub(super) fn within(&self, list: &Pointer) -> Result<Reach, String> {
        let row = match self.near(list)? {
            Spot::List(part) | Spot::Row(part) => Spot::Row(part),
            Spot::Message | Spot::Cell => return Err(format!("{list} leads to no rows of a part; {}", self.near_part(""))),
        };
        Ok(Reach { row, ..self.clone() })
    }

    /// Refuses a place that a key reads and that no message has.
    pub(super) fn check(&self, key: &str, pointer: &Pointer) -> Result<(), String> {
        match key {
            "envelope" => self.walk(Spot::Message, pointer),
            "pointer" => self.walk(self.row, pointer),
            _ => self.near(pointer),
        }
        .map(|_| ())
    }

    /// Refuses a column that no row has, under any of its names.
    pub(super) fn check_column(&self, column: &Column) -> Result<(), String> {
        let mut walks = column.names.iter().map(|name| self.step((self.row, ""), &Step::Key(name.clone())));
        match walks.next() {
            Some(Err(problem)) if walks.all(|walk| walk.is_err()) => Err(problem),
            Some(Ok(Spot::List(part) | Spot::Row(part))) => {
                let part = self.name(part);
                Err(format!("{part:?} is a part, and no cell: {{ pointer = \"/{part}/…\" }} reads those of its rows"))
            }
            _ => Ok(()),
        }
    }

    /// From the row, or from what is around it.
    fn near(&self, pointer: &Pointer) -> Result<Spot, String> {
        self.walk(self.row, pointer).or_else(|_| self.walk(Spot::Message, pointer))
    }

    fn walk(&self, from: Spot, pointer: &Pointer) -> Result<Spot, String> {
        let whole = pointer.to_string();
        pointer.0.iter().try_fold(from, |spot, step| self.step((spot, &whole), step))
    }

    fn step(&self, (spot, whole): (Spot, &str), step: &Step) -> Result<Spot, String> {
        let whole = if whole.is_empty() { String::new() } else { format!("{whole}: ") };
        match (spot, step) {
            (Spot::Message, Step::Key(name)) if *name == self.key => Ok(Spot::Cell),
            (Spot::Message, Step::Key(name)) => match self.parts.iter().position(|part| part.name == *name) {
                Some(at) if self.parts.get(at).is_some_and(|part| part.many) => Ok(Spot::List(at)),
                Some(at) => Ok(Spot::Row(at)),
                None => Err(format!("{whole}{name:?} is no part; {}", self.near_part(name))),
            },
            (Spot::List(part), Step::Key(name)) if name.bytes().all(|byte| byte.is_ascii_digit()) => Ok(Spot::Row(part)),
            (Spot::List(part), Step::Key(name)) => {
                let part = self.name(part);
                Err(format!("{whole}{part:?} has several rows, and {name:?} is no number of one: say which, as /{part}/0/{name}"))
            }
            (Spot::List(part), Step::Where { member, .. }) => {
                self.cell(part, member).map(|_| Spot::Row(part)).map_err(|problem| format!("{whole}{problem}"))
            }
            (Spot::Row(part), Step::Key(name)) => self.cell(part, name).map_err(|problem| format!("{whole}{problem}")),
            (Spot::Message | Spot::Row(_), Step::Where { .. }) => Err(format!("{whole}a filter is of a list, and here is none")),
            (Spot::Cell, _) => Err(format!("{whole}leads into a cell, which is a text")),
        }
    }

    fn cell(&self, part: usize, name: &str) -> Result<Spot, String> {
        let Some(part) = self.parts.get(part) else { return Ok(Spot::Cell) };
        match &part.columns {
            _ if name == self.key => {
                Err(format!("{name:?}, the key, stands once in a message, and not in the rows of its parts"))
            }
            Some(columns) if !columns.iter().any(|column| column == name) => {
                let columns: Vec<&str> = columns.iter().map(String::as_str).collect();
                Err(format!("{name:?} is not among the columns of the part {:?}; {}", part.name, nearest(name, &columns)))
            }
            _ => Ok(Spot::Cell),
        }
    }

    fn name(&self, part: usize) -> &str {
        self.parts.get(part).map(|part| part.name.as_str()).unwrap_or_default()
    }

    fn near_part(&self, name: &str) -> String {
        let names: Vec<&str> = self.parts.iter().map(|part| part.name.as_str()).chain([self.key.as_str()]).collect();
        nearest(name, &names)
    }
}
