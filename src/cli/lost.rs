//! Messages that could not be taken, until their run is printed: on disk where they are many. Decides nothing.

use base64::Engine;

use super::exit::Failure;
use crate::domain::Message;
use crate::encode::{DeadLetter, DeadLetterWire};
use crate::replay::{ReplayError, RunningHash};
use crate::stream::{Sorted, Sorter};

/// Bytes of them in memory.
const MEMORY: usize = 8 << 20;

/// Messages that could not be taken, each as a line of ndjson, in the order in which they came.
#[derive(Debug)]
pub(super) struct Lost {
    /// As long as more may come. They have one key, and so keep their order.
    open: Sorter,
    lines: Option<Sorted>,
    count: u64,
    hash: RunningHash,
    first: Option<String>,
}

impl Lost {
    /// None yet.
    pub(super) fn new() -> Lost {
        Lost { open: Sorter::new(MEMORY), lines: None, count: 0, hash: RunningHash::default(), first: None }
    }

    /// Keeps the whole message, with its reason.
    ///
    /// # Errors
    ///
    /// Where scratch space fails.
    pub(super) fn push(&mut self, message: &Message, letter: &DeadLetter) -> Result<(), ReplayError> {
        let (key, value) = (message.key.as_deref().unwrap_or_default(), message.value.as_deref().unwrap_or_default());
        let line = DeadLetterWire {
            kind: "dead_letter",
            source: message.position.to_string(),
            feed: &letter.feed,
            reason: letter.reason,
            detail: &letter.detail,
            records: &letter.records,
            value_base64: base64::engine::general_purpose::STANDARD.encode(value),
        };
        let line = serde_json::to_string(&line).expect("text and numbers are JSON");
        self.open.push(&[], (line.as_bytes(), b"\n"))?;
        self.hash.add((key, value));
        self.count += 1;
        // For the log: the detail may quote the record.
        self.first.get_or_insert_with(|| format!("{}, is {}", message.position, letter.reason));
        Ok(())
    }

    /// Makes them readable. Nothing more is taken then.
    ///
    /// # Errors
    ///
    /// Where scratch space fails.
    pub(super) fn settle(&mut self) -> Result<(), ReplayError> {
        self.lines = Some(std::mem::replace(&mut self.open, Sorter::new(0)).sorted()?);
        Ok(())
    }

    /// How many there are.
    pub(super) fn count(&self) -> u64 {
        self.count
    }

    /// The hash over their keys and values.
    pub(super) fn sha256(&self) -> String {
        self.hash.clone().hexadecimal()
    }

    /// Where the first stood, and its reason.
    pub(super) fn first(&self) -> Option<&str> {
        self.first.as_deref()
    }

    /// Hands over each as a line, with its end.
    ///
    /// # Errors
    ///
    /// Where scratch space fails, or what `take` returns.
    pub(super) fn each(&self, take: &mut dyn FnMut(&[u8]) -> Result<(), Failure>) -> Result<(), Failure> {
        let mut walk = self.lines.as_ref().expect("they are settled before they are read").walk()?;
        while let Some((_, line)) = walk.take()? {
            take(&line)?;
        }
        Ok(())
    }
}
