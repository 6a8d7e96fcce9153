//! Tests of the code systems.

use super::*;

#[test]
fn countries_are_read_in_every_system() {
    use CodeSystem::*;
    let cases = [
        (Iso2, "th", "TH"),
        (Iso3, "THA", "TH"),
        (M49, "004", "AF"),
        (M49, "4", "AF"),
        (Comtrade, "842", "US"),
        (Comtrade, "490", "TW"),
        (Comtrade, "764", "TH"),
        (Comtrade, "0", "group"),
        (Comtrade, "899", "none"),
        (Census, "5700", "CN"),
        (Census, "0003", "EU"),
        (Census, "-", "group"),
        (Census, "0014", "group"),
        (Census, "7660", "CD"),
        (Gacc, "141", "VN"),
        (Gacc, "142", "CN"),
        (Gacc, "201", "DZ"),
        (Gacc, "244", "ZA"),
        (Gacc, "358", "RS"),
        (Gacc, "423", "GT"),
        (Gacc, "623", "PF"),
        // Two codes of one country would be two flows under one id.
        (Gacc, "207", "none"),
        (Gacc, "999", "unknown"),
        (Japan, "106", "TW"),
        (Japan, "116", "BN"),
        (Japan, "324", "PR"),
        (Japan, "551", "ZA"),
        (Comtrade, "764.0", "TH"),
        (Comtrade, "4.0", "AF"),
        (Comtrade, "0.0", "group"),
        (Comtrade, "764.5", "unknown"),
        (Comtrade, "637", "none"),
        (Comtrade, "891", "none"),
        (NameEn, "St Kitts and Nevis", "KN"),
        (NameEn, "Svalbard, Jan Mayen Island", "SJ"),
        (NameEn, "West Bank Administered by Israel", "PS"),
        (Geonom, "XS", "RS"),
        (Geonom, "GR", "GR"),
        (Geonom, "QV", "none"),
        (Geonom, "WORLD", "group"),
        (NameEn, "KOREA, SOUTH", "KR"),
        (NameEn, "China (Taiwan)", "TW"),
        (NameEn, "China (Mainland)", "CN"),
        (NameEn, "Viet  Nam", "VN"),
        (NameEn, "Burma (Myanmar)", "MM"),
        (NameEn, "OPEC", "group"),
        (NameEn, "Utopia", "unknown"),
        (Iso2, "XX", "none"),
        (Iso2, "", "unknown"),
    ];
    for (system, text, expected) in cases {
        let found = match bundle().codes().country(system, text) {
            CountryCode::Country(country) => country.to_string(),
            CountryCode::Group => "group".to_owned(),
            CountryCode::NoCountry => "none".to_owned(),
            CountryCode::Unknown => "unknown".to_owned(),
        };
        assert_eq!(found, expected, "{system:?} {text:?}");
    }
    for (name, system) in CodeSystem::ALL {
        assert_eq!(name.parse(), Ok(system));
    }
}

#[test]
fn a_country_is_of_the_union_from_its_accession_to_its_withdrawal() {
    let members = bundle().codes().members_of_eu();
    let is_one = |code: &str, on: &str| members.contains(country(code), on.parse().unwrap());
    assert!(is_one("DE", "1990-01-01") && is_one("HR", "2013-07-01") && is_one("GB", "2020-01-31"));
    assert!(
        !is_one("HR", "2013-06-30") && !is_one("GB", "2020-02-01") && !is_one("CH", "2025-01-01") && !is_one("EU", "2025-01-01")
    );
    let letters = || b'A'..=b'Z';
    let all: Vec<Country> =
        letters().flat_map(|first| letters().filter_map(move |second| Country::of([first, second]))).collect();
    let count = |on: &str| all.iter().filter(|code| members.contains(**code, on.parse().unwrap())).count();
    assert_eq!(["1960-01-01", "2003-01-01", "2014-01-01", "2025-01-01"].map(count), [6, 15, 28, 27]);
}

#[test]
fn countries_and_ports_have_a_name_and_a_row_that_says_it() {
    let codes = bundle().codes();
    assert_eq!(codes.name_of_country(&country("TH")), "Thailand");
    assert_eq!(codes.name_of_country(&country("XX")), "XX");
    let named = |code: &str| codes.name_of_port(code.parse().unwrap());
    // Its own row before the one of Schedule K, which says Ching Tao.
    assert_eq!(named("CNTAO"), Some(("Qingdao", "CNTAO")));
    assert_eq!(named("NLRTM"), Some(("Rotterdam", "K42157")));
    assert_eq!(named("CNZZ9"), None);
}

#[test]
fn ports_are_read_in_every_system() {
    use PortSystem::*;
    let ningbo = Some((Country::CHINA, Some("CNNGB".parse().unwrap())));
    let cases = [
        (Unlocode, "CNNGB", ningbo),
        (Unlocode, "CN NGB", ningbo),
        (Unlocode, "Ningbo", None),
        (ScheduleK, "57020", ningbo),
        (ScheduleK, "99999", None),
        (ScheduleD, "0982", Some((country("US"), None))),
        (ScheduleD, "982", Some((country("US"), None))),
        (Name, "NINGBO, China", ningbo),
        (Name, "Ningbo,CN", ningbo),
        (Name, "Nowhere, Thailand", Some((country("TH"), None))),
        (Name, "Ningbo", None),
    ];
    for (system, text, expected) in cases {
        assert_eq!(bundle().codes().port(system, text), expected, "{system:?} {text:?}");
    }
}
