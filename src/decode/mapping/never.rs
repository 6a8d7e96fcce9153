//! The columns that may not be read: in each of their spellings, and wherever a pointer passes one. Asks no row.

use std::collections::BTreeMap;

use super::layout::Names;
use crate::decode::json::{Pointer, Step};

/// What stands under `never`.
#[derive(Clone, Debug, Default)]
pub(super) struct Never {
    /// The spellings of each column as they are compared, the one that was said first.
    columns: Vec<Vec<String>>,
    compared: Names,
}

impl Never {
    /// These columns: one that is another's other spelling is that column.
    pub(super) fn of(names: &[String], aliases: &BTreeMap<String, Vec<String>>, compared: Names) -> Never {
        let spelled = |(name, others): (&String, &Vec<String>)| {
            std::iter::once(name).chain(others).map(|name| compared.key(name)).collect::<Vec<_>>()
        };
        let alike: Vec<Vec<String>> = aliases.iter().map(spelled).collect();
        let all_of = |name: &String| {
            let mut all = vec![compared.key(name)];
            let mut at = 0;
            // A spelling may have spellings of its own.
            while let Some(name) = all.get(at).cloned() {
                let others = alike.iter().filter(|alike| alike.contains(&name)).flatten();
                let others: Vec<String> = others.filter(|other| !all.contains(other)).cloned().collect();
                all.extend(others);
                at += 1;
            }
            all
        };
        Never { columns: names.iter().map(all_of).collect(), compared }
    }

    /// Whether there is none.
    pub(super) fn is_empty(&self) -> bool {
        self.columns.is_empty()
    }

    /// Whether a column may not be read.
    pub(super) fn holds(&self, column: &str) -> bool {
        !self.is_empty() && {
            let key = self.compared.key(column);
            self.columns.iter().flatten().any(|name| *name == key)
        }
    }

    /// Those of which no spelling is among these names.
    pub(super) fn absent(&self, there: &[String]) -> Vec<String> {
        let absent = self.columns.iter().filter(|spellings| !spellings.iter().any(|name| there.contains(name)));
        absent.filter_map(|spellings| spellings.first().cloned()).collect()
    }

    /// Reads a pointer; one that passes what may not be read is an error.
    pub(super) fn pointer(&self, text: &str) -> Result<Pointer, String> {
        let pointer = Pointer::parse(text)?;
        self.check(&pointer)?;
        Ok(pointer)
    }

    /// Refuses a pointer that passes what may not be read.
    pub(super) fn check(&self, pointer: &Pointer) -> Result<(), String> {
        let mut names = pointer.0.iter().map(|step| match step {
            Step::Key(name) | Step::Where { member: name, .. } => name,
        });
        match names.find(|name| self.holds(name)) {
            None => Ok(()),
            Some(name) => Err(format!("{pointer} reads {name:?}, which is listed under columns.never")),
        }
    }
}
