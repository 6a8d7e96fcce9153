//! Why a worker gives up, and the exit code of each.

use crate::stream::LogError;

/// Why a worker gave up.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WorkerError {
    /// The log failed.
    #[error(transparent)]
    Log(#[from] LogError),
    /// Too many transactions in a row came to nothing.
    #[error("{recycles} transactions within {seconds} s were recycled: restart me; something keeps them from being committed")]
    RecycleBudget {
        /// How many.
        recycles: usize,
        /// Within how long.
        seconds: u64,
    },
    /// The log handed over what was not asked for.
    #[error("{position} came out of turn (expected {expected}): a bug of the log's home")]
    OutOfTurn {
        /// What came.
        position: String,
        /// What should have come.
        expected: String,
    },
}

impl WorkerError {
    /// The process's exit code.
    pub fn exit_code(&self) -> u8 {
        match self {
            WorkerError::Log(error) => error.exit_code(),
            WorkerError::RecycleBudget { .. } => 75,
            WorkerError::OutOfTurn { .. } => 70,
        }
    }
}
