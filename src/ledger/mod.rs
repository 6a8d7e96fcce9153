//! What a family remembers: cells, record detail, what is dirty. Keeps and adds up; judges nothing.

mod books;

pub use books::{Account, Books, CellRef, Leg, Line, RecordFacts, Series};
