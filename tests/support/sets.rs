//! Which files of the large data sets are fed, and as what.

#![allow(dead_code, unreachable_pub, reason = "several tests share it, and none uses all of it")]

use std::path::{Path, PathBuf};

const KOREA: [&str; 3] = ["df_syn_train_eng.csv", "df_syn_valid_eng.csv", "df_syn_test_eng.csv"];
const CENSUS: [&str; 2] = ["us_imports_2024_hs10_target_codes.csv", "us_imports_2024_hs6_asia_mexico.csv"];
const CHINA: [&str; 1] = ["deep_dive_hs6_monthly.csv"];

/// The files of the three data sets, with their feed.
pub fn files(data: &Path) -> Vec<(&'static str, PathBuf)> {
    let sets: [(&str, &str, &[&str]); 3] = [
        ("korea", "korea-customs-declarations-synthetic", &KOREA),
        ("census", "us-census-2024-hs10", &CENSUS),
        ("china", "china-exports-comtrade-monthly", &CHINA),
    ];
    sets.into_iter()
        .flat_map(|(feed, folder, files)| files.iter().map(move |file| (feed, data.join(folder).join(file))))
        .collect()
}
