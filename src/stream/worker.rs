//! The loop of every stage: placeholder.
/// x
pub struct Worker;
/// y
pub struct WorkerError;
