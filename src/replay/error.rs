//! What can go wrong in a bounded run, and the exit code of each. Never about the content of a record.

/// A bounded run failed, or its range is not there.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// An output exists.
    #[error("{what} exists; name another place, or take it up with --resume")]
    Exists {
        /// The folder or the topic.
        what: String,
    },
    /// An output cannot be made.
    #[error("{what} cannot be made")]
    CannotCreate {
        /// The file or folder.
        what: String,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The range is not there.
    #[error("{what} is not there; {there}")]
    NotThere {
        /// What was asked for.
        what: String,
        /// What there is.
        there: String,
    },
    /// A line that is no movement.
    #[error("{position} is no movement: {why}; only what `replay --stage ingest --out` wrote can be read --as movements")]
    NoMovement {
        /// Where it stands.
        position: String,
        /// What is wrong.
        why: String,
    },
    /// Movements that another family map has put into their families.
    #[error(
        "{position}: {why}; these movements were ingested under another family map: take the bundle that they were ingested \
         with, or name files of records"
    )]
    OtherFamilyMap {
        /// Where it stands.
        position: String,
        /// Which code, in which families.
        why: String,
    },
    /// What should be a verdict is none.
    #[error("{whose}: {what} is no verdict: {why}")]
    NoVerdict {
        /// Who said it.
        whose: String,
        /// What was read.
        what: String,
        /// What is wrong.
        why: String,
    },
    /// The log failed.
    #[error(transparent)]
    Log(#[from] crate::stream::LogError),
}

impl ReplayError {
    /// The process's exit code (the table of the command line).
    pub fn exit_code(&self) -> u8 {
        match self {
            ReplayError::Exists { .. } | ReplayError::CannotCreate { .. } => 73,
            ReplayError::NotThere { .. } => 66,
            ReplayError::NoMovement { .. } => 65,
            ReplayError::OtherFamilyMap { .. } => 76,
            ReplayError::NoVerdict { .. } => 70,
            ReplayError::Log(error) => error.exit_code(),
        }
    }
}
