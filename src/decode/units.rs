//! Units as feeds write them → UN/ECE Recommendation 20.

use std::collections::BTreeMap;

use crate::domain::Unit;

/// Spellings seen in the feeds of customs and statistics offices, in capitals. `TON` is left out: it is three different masses.
const SPELLINGS: [(&str, &[&str]); 16] = [
    ("KGM", &["KGM", "KG", "KGS", "KILOGRAM", "KILOGRAMS", "KILOGRAMME", "千克"]),
    ("GRM", &["GRM", "G", "GM", "GMS", "GRAM", "GRAMS", "克"]),
    ("TNE", &["TNE", "T", "MT", "MTS", "TONNE", "TONNES", "METRIC TON", "METRIC TONS", "吨"]),
    ("LBR", &["LBR", "LB", "LBS", "POUND", "POUNDS"]),
    ("NMB", &["NMB", "NO", "NOS", "PCS", "PC", "PIECE", "PIECES", "UNITS", "台", "个", "件"]),
    ("NPR", &["NPR", "PRS", "PAIRS"]),
    ("DZN", &["DZN", "DOZ", "DOZEN"]),
    ("LTR", &["LTR", "L", "LITRE", "LITRES", "LITER", "LITERS", "升"]),
    ("MLT", &["MLT", "ML"]),
    ("BLL", &["BLL", "BBL", "BARREL", "BARRELS", "桶"]),
    ("MTR", &["MTR", "M", "METRE", "METRES", "METERS", "米"]),
    ("MTK", &["MTK", "M2", "SQM", "平方米"]),
    ("MTQ", &["MTQ", "M3", "CBM", "立方米"]),
    ("CTM", &["CTM", "CAR", "CARAT", "CARATS", "克拉"]),
    ("WTT", &["WTT", "W", "WATT", "WATTS"]),
    ("KWH", &["KWH", "千瓦时"]),
];

/// The unit a text names: the mapping's own words first, then the common spellings.
pub(super) fn read(text: &str, own: &BTreeMap<String, Unit>) -> Option<Unit> {
    if let Some(unit) = own.get(text) {
        return Some(*unit);
    }
    let upper = text.trim().to_uppercase();
    let found = SPELLINGS.iter().find(|(_, spellings)| spellings.contains(&upper.as_str()));
    found.and_then(|(code, _)| Unit::new(code))
}

/// The unit of Recommendation 20 with this code; else what was probably meant.
pub(super) fn listed(code: &str) -> Result<Unit, String> {
    if let Some(unit) = Unit::listed(code) {
        return Ok(unit);
    }
    let near = || SPELLINGS.iter().map(|(known, _)| *known).find(|known| strsim::osa_distance(known, code) <= 1);
    let meant = match read(code, &BTreeMap::new()) {
        _ if code.eq_ignore_ascii_case("TON") => "; it is three masses: TNE, STN or LTN".to_owned(),
        Some(unit) => format!("; did you mean \"{unit}\"?"),
        None => near().map_or_else(|| ", such as KGM".to_owned(), |known| format!("; did you mean {known:?}?")),
    };
    Err(format!("{code:?} is no unit of Rec 20{meant}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_the_feeds() {
        let code = |text: &str| read(text, &BTreeMap::new()).map(|unit| unit.code().to_owned());
        assert_eq!(code("千克").as_deref(), Some("KGM"));
        assert_eq!(code("Kilograms").as_deref(), Some("KGM"));
        assert_eq!(code("MTS").as_deref(), Some("TNE"));
        assert_eq!(code("NO").as_deref(), Some("NMB"));
        assert_eq!(code("TON"), None);
        assert_eq!(code("-"), None);
    }

    #[test]
    fn what_was_meant_by_a_unit() {
        let said = |code: &str| listed(code).unwrap_err();
        assert_eq!(said("KGS"), "\"KGS\" is no unit of Rec 20; did you mean \"KGM\"?");
        assert_eq!(said("MT"), "\"MT\" is no unit of Rec 20; did you mean \"TNE\"?");
        assert_eq!(said("TNN"), "\"TNN\" is no unit of Rec 20; did you mean \"TNE\"?");
        assert_eq!(said("TON"), "\"TON\" is no unit of Rec 20; it is three masses: TNE, STN or LTN");
        assert_eq!(said("FURLONG"), "\"FURLONG\" is no unit of Rec 20, such as KGM");
        // Every spelling leads to a unit that is one.
        assert!(SPELLINGS.iter().all(|(code, _)| Unit::listed(code).is_some()));
    }
}
