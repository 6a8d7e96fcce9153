//! Corridor-months, and the bands of a verdict.

use std::fmt;
use std::str::FromStr;

use super::{Country, FamilyId, Month};

/// A corridor-month: family × intermediary × destination × month. Prints as `SB/TH/US/2025-03`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CorridorId {
    /// The commodity family.
    pub family: FamilyId,
    /// M.
    pub intermediary: Country,
    /// D.
    pub destination: Country,
    /// The month.
    pub month: Month,
}

impl fmt::Display for CorridorId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}/{}", self.family, self.intermediary, self.destination, self.month)
    }
}

impl FromStr for CorridorId {
    type Err = InvalidCorridor;

    fn from_str(text: &str) -> Result<CorridorId, InvalidCorridor> {
        let invalid = || InvalidCorridor(text.to_owned());
        let parts: Vec<&str> = text.split('/').collect();
        let [family, intermediary, destination, month] = parts.as_slice() else { return Err(invalid()) };
        Ok(CorridorId {
            family: family.parse().map_err(|_| invalid())?,
            intermediary: intermediary.parse().map_err(|_| invalid())?,
            destination: destination.parse().map_err(|_| invalid())?,
            month: month.parse().map_err(|_| invalid())?,
        })
    }
}

/// The text names no corridor-month.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no corridor-month (such as SB/TH/US/2025-03)")]
pub struct InvalidCorridor(pub String);

/// How much attention a verdict asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
pub enum Band {
    /// None.
    #[default]
    None,
    /// Keep an eye on it.
    Watch,
    /// An analyst should look.
    Review,
    /// Look now.
    Priority,
}

impl Band {
    /// Lowest first.
    pub const ALL: [Band; 4] = [Band::None, Band::Watch, Band::Review, Band::Priority];

    /// The word on the outside.
    pub fn word(self) -> &'static str {
        match self {
            Band::None => "none",
            Band::Watch => "watch",
            Band::Review => "review",
            Band::Priority => "priority",
        }
    }
}

impl fmt::Display for Band {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

impl FromStr for Band {
    type Err = String;

    fn from_str(text: &str) -> Result<Band, String> {
        let band = Band::ALL.into_iter().find(|band| band.word() == text);
        band.ok_or_else(|| format!("{text:?} is no band (none, watch, review, priority)"))
    }
}
