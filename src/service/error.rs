//! Why a service could not start or ended otherwise than asked, and the exit code of each.

use crate::stream::{LogError, WorkerError};

/// Why a service could not start, or ended otherwise than asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ServiceError {
    /// The log failed or refuses.
    #[error(transparent)]
    Log(#[from] LogError),
    /// A worker gave up.
    #[error("worker {stage}-{number}: {error}")]
    Worker {
        /// Its stage.
        stage: &'static str,
        /// Its number.
        number: usize,
        /// Why.
        error: WorkerError,
    },
    /// A fold broke down: our bug.
    #[error(
        "worker {stage}-{number} broke down at {position}: a bug; nothing of its transaction is visible, a mended build reads it again"
    )]
    Panicked {
        /// The stage.
        stage: &'static str,
        /// The worker's number.
        number: usize,
        /// The message in hand, TOPIC/PARTITION/OFFSET.
        position: String,
    },
    /// A worker gives no sign.
    #[error("worker {stage}-{number} is stuck at {position} for {seconds} s")]
    Stuck {
        /// The stage.
        stage: &'static str,
        /// The worker's number.
        number: usize,
        /// The message in hand.
        position: String,
        /// For how long.
        seconds: u64,
    },
    /// A worker did not come to its end when it was told to.
    #[error(
        "worker {stage}-{number} was still at {position} when service.drain_timeout_seconds ({seconds}) were over; \
         nothing of its open transaction is visible, the next start reads it again"
    )]
    NotDrained {
        /// The stage.
        stage: &'static str,
        /// The worker's number.
        number: usize,
        /// The message in hand.
        position: String,
        /// How long it was given.
        seconds: u64,
    },
    /// The folds hold more than they may.
    #[error(
        "state is full: it holds {bytes} bytes, and assess.state_bytes_max is {limit}; raise it with the memory limit, or let \
         more processes share the partitions"
    )]
    StateFull {
        /// What they hold.
        bytes: u64,
        /// What they may.
        limit: u64,
    },
    /// The address cannot be had.
    #[error("cannot listen on {address}: {detail} ([service] http_listen says where; port 0 takes a free one)")]
    AddressTaken {
        /// The address.
        address: String,
        /// What the system says.
        detail: String,
    },
    /// The system gives no threads.
    #[error("the system refuses a thread: {detail}")]
    NoThreads {
        /// What it says.
        detail: String,
    },
}

impl ServiceError {
    /// The process's exit code.
    pub fn exit_code(&self) -> u8 {
        match self {
            ServiceError::Log(error) => error.exit_code(),
            ServiceError::Worker { error, .. } => error.exit_code(),
            ServiceError::Panicked { .. }
            | ServiceError::Stuck { .. }
            | ServiceError::NotDrained { .. }
            | ServiceError::StateFull { .. } => 70,
            ServiceError::AddressTaken { .. } => 69,
            ServiceError::NoThreads { .. } => 75,
        }
    }
}
