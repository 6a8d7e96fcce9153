//! The mappings that are compiled in, so that `--as census` works anywhere.

/// Name and text of each.
const MAPPINGS: [(&str, &str); 5] = [
    ("census", include_str!("../../config/mappings/census.toml")),
    ("census-2024", include_str!("../../config/mappings/census-2024.toml")),
    ("china-months", include_str!("../../config/mappings/china-months.toml")),
    ("comtrade", include_str!("../../config/mappings/comtrade.toml")),
    ("korea-declarations", include_str!("../../config/mappings/korea-declarations.toml")),
];

/// The mappings that are compiled in: name and TOML.
pub fn built_in_mappings() -> &'static [(&'static str, &'static str)] {
    &MAPPINGS
}
