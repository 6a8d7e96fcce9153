//! From the subheadings of older editions of the Harmonized System to those of 2022. Not a matter of dates.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::{HsSubheading, HsVersion};

use super::table::{Problems, rows};

/// What became of a subheading in the edition of 2022.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HsConversion {
    /// All of it is this subheading.
    Same(HsSubheading),
    /// It was divided, and the code alone does not say into which part.
    Split,
}

/// The subheadings that changed; every other one stayed what it was.
#[derive(Debug, Default)]
pub(super) struct Correlation {
    changed: BTreeMap<(HsVersion, HsSubheading), Vec<HsSubheading>>,
}

impl Correlation {
    /// Editions before 2012 are read by the table of 2012, the oldest at hand.
    pub(super) fn to_hs2022(&self, code: HsSubheading, version: HsVersion) -> HsConversion {
        if version == HsVersion::Hs2022 {
            return HsConversion::Same(code);
        }
        match self.changed.get(&(version.max(HsVersion::Hs2012), code)).map(Vec::as_slice) {
            None => HsConversion::Same(code),
            Some([only]) => HsConversion::Same(*only),
            Some(_) => HsConversion::Split,
        }
    }

    /// The codes that were divided, with all that they became, in whatever edition.
    pub(super) fn divided(&self) -> BTreeMap<HsSubheading, BTreeSet<HsSubheading>> {
        let mut divided: BTreeMap<HsSubheading, BTreeSet<HsSubheading>> = BTreeMap::new();
        for ((_, code), into) in self.changed.iter().filter(|(_, into)| into.len() > 1) {
            divided.entry(*code).or_default().extend(into);
        }
        divided
    }
}

/// Reads the correlation table.
pub(super) fn read(files: &BTreeMap<String, String>, problems: &mut Problems) -> Correlation {
    let mut correlation = Correlation::default();
    for row in rows(files, "hs_correlation.csv", &["id", "version", "hs6", "hs6_2022", "source"], problems) {
        let version: Option<HsVersion> = row.required("version", "is no edition (2012 or 2017)", problems);
        let code = row.subheading("hs6", problems);
        let into = row.subheadings("hs6_2022", problems);
        if into.is_empty() {
            row.wrong("hs6_2022", "names no subheading", problems);
        }
        if let (Some(version), Some(code)) = (version, code) {
            correlation.changed.insert((version, code), into);
        }
    }
    correlation
}
