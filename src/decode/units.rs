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
}
