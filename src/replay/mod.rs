//! Bounded runs beside the live service: replay, explain, simulated worlds. Does I/O; decides nothing about trade.

pub mod simulate;
