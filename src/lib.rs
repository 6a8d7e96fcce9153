//! `entrepot` works out how likely it is that goods declared as coming from an intermediary country are in truth of Chinese origin.
//!
//! Folders in the order a record travels. Core: pure, synchronous; no I/O, clock, logging, randomness.

pub mod domain;
pub mod reference;

pub mod decode;

pub mod ledger;
pub mod signals;

pub mod scoring;

pub mod encode;

pub mod assess;
pub mod ingest;

pub mod stream;

pub mod replay;
pub mod service;

pub mod config;

pub mod cli;
