//! Runs a bounded range of the log again, apart from the live group.
