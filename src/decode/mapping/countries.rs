//! How a column writes countries, and the country that a text of it names.

use super::field::{Stop, named};
use super::reader::{MappingError, Section};
use crate::decode::DeadLetterReason;
use crate::decode::draft::error;
use crate::domain::Country;
use crate::reference::{CodeSystem, Codes, CountryCode};

/// How a column writes countries.
#[derive(Clone, Debug)]
pub(super) struct Countries {
    system: CodeSystem,
    /// Under which reason rows of a group of countries are left out.
    group: String,
}

impl Countries {
    /// From the keys of a field; ISO alpha-2 where nothing is said.
    pub(super) fn read(section: Option<&Section<'_>>) -> Result<Countries, MappingError> {
        let default = Countries { system: CodeSystem::Iso2, group: "country_group".to_owned() };
        let Some(section) = section else { return Ok(default) };
        let system = named(section, &CodeSystem::ALL, CodeSystem::Iso2)?;
        let group = section.reason("group")?;
        Ok(Countries { system, group: group.unwrap_or(default.group) })
    }

    /// The country a text names: `XX` where the system says that it names none.
    pub(super) fn country(&self, field: impl FnOnce() -> String, text: &str, codes: &Codes) -> Result<Country, Stop> {
        if self.system == CodeSystem::Iso2
            && let Ok(country) = text.parse()
        {
            return Ok(country);
        }
        match codes.country(self.system, text) {
            CountryCode::Country(country) => Ok(country),
            CountryCode::Group => Err(Stop::Excluded(self.group.clone())),
            CountryCode::NoCountry => Ok(Country::UNKNOWN),
            CountryCode::Unknown => {
                let name = CodeSystem::ALL.iter().find(|(_, system)| *system == self.system).map_or("", |(name, _)| name);
                let field = field();
                let detail =
                    format!("{field}: {text:?} is no country in the code system {name}; if it is one, add it under words");
                Err(error(DeadLetterReason::UnknownCountry, detail).into())
            }
        }
    }
}
