//! The log on one machine.
