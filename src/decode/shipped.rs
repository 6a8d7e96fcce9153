//! The mappings that are compiled in, so that `--as census` works anywhere.

/// Name and text of each.
const MAPPINGS: [(&str, &str); 17] = [
    ("census", include_str!("../../config/mappings/census.toml")),
    ("census-2024", include_str!("../../config/mappings/census-2024.toml")),
    ("china-gacc", include_str!("../../config/mappings/china-gacc.toml")),
    ("china-months", include_str!("../../config/mappings/china-months.toml")),
    ("comtrade", include_str!("../../config/mappings/comtrade.toml")),
    ("comtrade-legacy", include_str!("../../config/mappings/comtrade-legacy.toml")),
    ("eurostat-bulk", include_str!("../../config/mappings/eurostat-bulk.toml")),
    ("eurostat-sdmx", include_str!("../../config/mappings/eurostat-sdmx.toml")),
    ("india-declarations", include_str!("../../config/mappings/india-declarations.toml")),
    ("japan-estat", include_str!("../../config/mappings/japan-estat.toml")),
    ("korea-declarations", include_str!("../../config/mappings/korea-declarations.toml")),
    ("korea-statistics", include_str!("../../config/mappings/korea-statistics.toml")),
    ("malaysia-declarations", include_str!("../../config/mappings/malaysia-declarations.toml")),
    ("us-ams", include_str!("../../config/mappings/us-ams.toml")),
    ("usa-trade-online", include_str!("../../config/mappings/usa-trade-online.toml")),
    ("vietnam-declarations", include_str!("../../config/mappings/vietnam-declarations.toml")),
    ("wco-declaration", include_str!("../../config/mappings/wco-declaration.toml")),
];

/// The mappings that are compiled in: name and TOML.
pub fn built_in_mappings() -> &'static [(&'static str, &'static str)] {
    &MAPPINGS
}
