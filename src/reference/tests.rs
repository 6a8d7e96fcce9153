//! Tests of the bundle: that it parses, that it looks back only, that its errors say what to do.

use std::collections::BTreeMap;

use expect_test::{Expect, expect};
use proptest::prelude::*;

use super::*;

fn day(text: &str) -> Date {
    text.parse().unwrap()
}

fn family(text: &str) -> FamilyId {
    text.parse().unwrap()
}

fn country(text: &str) -> Country {
    text.parse().unwrap()
}

fn code(text: &str) -> HsSubheading {
    text.parse().unwrap()
}

fn bundle() -> &'static Reference {
    Reference::built_in()
}

/// What binds Chinese goods of the family bound for the destination, one line a measure.
fn measures(of: &str, destination: &str, date: &str) -> Vec<String> {
    let measures = bundle().as_of(day(date)).measures(family(of), country(destination));
    let line = |measure: &Measure| {
        let suspended = measure.suspended.map(|(from, until)| format!(" suspended {from}..{}", until.unwrap_or(Date::MAX)));
        let part = if measure.partial { " in part" } else { "" };
        format!("{} {:?}{part}{}", measure.row, measure.kind, suspended.unwrap_or_default())
    };
    measures.iter().filter(|measure| !measure.weightless).map(line).collect()
}

#[test]
fn the_ban_on_antimony_is_seen_from_its_announcement_and_its_suspension_from_its_own() {
    let ban = |date: &str| -> Vec<String> {
        measures("SB", "US", date).into_iter().filter(|line| line.starts_with("controls/CN-2024-46")).collect()
    };
    assert_eq!(ban("2024-12-02"), Vec::<String>::new());
    let whole = ["controls/CN-2024-46 ExportBan", "controls/CN-2024-46 ExportBan in part"];
    assert_eq!(ban("2024-12-03"), whole);
    assert_eq!(ban("2025-11-08"), whole);
    assert_eq!(ban("2025-11-09").first().unwrap(), "controls/CN-2024-46 ExportBan suspended 2025-11-09..2026-11-27");
    assert!(measures("SB", "DE", "2024-12-31").iter().all(|line| !line.contains("CN-2024-46")));
}

#[test]
fn oxide_is_licensed_in_part_and_metal_as_a_whole() {
    let measures = bundle().as_of(day("2024-10-01")).measures(family("SB"), country("TH"));
    let codes = |partial: bool| -> Vec<String> {
        let measure = measures.iter().find(|measure| measure.partial == partial).unwrap();
        assert_eq!((measure.row.as_str(), measure.effective), ("controls/CN-2024-33", day("2024-09-15")));
        measure.subheadings.iter().map(ToString::to_string).collect()
    };
    assert_eq!(codes(false), ["261710", "811010", "811020", "811090"]);
    assert_eq!(codes(true), ["282580", "283090"]);
}

#[test]
fn a_basket_is_bound_by_what_names_its_code_and_a_heading_by_what_binds_all_goods() {
    assert_eq!(measures("H811292", "KR", "2024-01-01"), ["controls/CN-2023-23 ExportLicence in part"]);
    assert_eq!(measures("H8471", "US", "2025-03-01"), ["controls/US-IEEPA-FENT Duty"]);
    assert_eq!(measures("H8471", "DE", "2025-03-01"), Vec::<String>::new());
}

#[test]
fn what_is_only_recalled_is_shown_and_weighs_nothing() {
    let measures = bundle().as_of(day("2020-01-01")).measures(family("W"), country("US"));
    assert!(measures.iter().any(|measure| measure.row == "controls/US-S301-L3" && measure.weightless));
}

#[test]
fn a_vintage_is_invisible_before_it_is_published() {
    let made = |at: &str, date: &str, year| bundle().as_of(day(date)).production(family("SB"), country(at), year);
    assert_eq!(made("TJ", "2025-01-30", 2024), Production::Unknown);
    let row = "production/MCS2025.SB.mine.TJ.2024".to_owned();
    assert_eq!(made("TJ", "2026-02-27", 2024), Production::Listed { tonnes: 17_000.0, row });
    let row = "production/MCS2026.SB.mine.TJ.2024".to_owned();
    assert_eq!(made("TJ", "2026-02-28", 2024), Production::Listed { tonnes: 22_000.0, row });
    // The year nearest to one that no table has.
    let row = "production/MCS2026.SB.mine.TJ.2025".to_owned();
    assert_eq!(made("TJ", "2026-02-28", 2030), Production::Listed { tonnes: 22_000.0, row });
}

#[test]
fn a_country_that_a_world_table_leaves_out_makes_at_most_what_the_smallest_listed_one_makes() {
    let made = |of: &str, at: &str, date: &str| bundle().as_of(day(date)).production(family(of), country(at), 2025);
    let row = "production/MCS2025.SB.mine.KG.2024".to_owned();
    assert_eq!(made("SB", "TH", "2025-06-01"), Production::Unlisted { at_most: 20.0, row });
    assert_eq!(made("FE", "TH", "2025-06-01"), Production::Unknown);
    // Listed, but withheld or without a figure.
    assert_eq!(made("LI", "US", "2025-06-01"), Production::Unknown);
}

#[test]
fn a_documented_smelter_counts_beside_the_mine_table() {
    let at = |date: &str| bundle().as_of(day(date));
    let korea = |date: &str| at(date).production(family("SB"), country("KR"), 2025);
    assert!(matches!(korea("2025-06-29"), Production::Unlisted { .. }));
    assert!(matches!(korea("2025-06-30"), Production::Listed { tonnes: 3_500.0, .. }));
    assert_eq!(at("2025-06-29").capacity(family("SB"), country("KR")), None);
    let capacity = at("2025-06-30").capacity(family("SB"), country("KR"));
    assert_eq!(capacity, Some((3_500.0, "capacity/SB.KR.2025".to_owned())));
}

#[test]
fn tables_of_one_kind_add_up() {
    let as_of = bundle().as_of(day("2026-03-01"));
    // Ferrosilicon 160,000 t and silicon metal 140,000 t of contained silicon.
    assert!(matches!(as_of.production(family("SI"), country("NO"), 2024), Production::Listed { tonnes: 300_000.0, .. }));
    assert!(matches!(as_of.secondary(family("SB"), country("US"), 2024), Production::Listed { tonnes: 3_330.0, .. }));
    assert_eq!(as_of.secondary(family("SB"), country("TH"), 2024), Production::Unknown);
}

#[test]
fn duties_step_with_time_and_unknown_origins_stay_unknown() {
    let duty = |origin: &str, hs: &str, on: &str| {
        let as_of = bundle().as_of(day(on));
        as_of.duty(country(origin), country("US"), code(hs), day(on)).map(|duty| (duty.rate * 1000.0).round() / 1000.0)
    };
    assert_eq!(duty("CN", "820900", "2018-09-23"), Some(0.0));
    assert_eq!(duty("CN", "820900", "2018-09-24"), Some(0.1));
    assert_eq!(duty("CN", "820900", "2019-05-10"), Some(0.25));
    // Antimony oxide is on no list of section 301 and exempt from the general rates, but not from the one on China.
    assert_eq!(duty("CN", "282580", "2025-04-20"), Some(0.2));
    assert_eq!(duty("TH", "282580", "2025-04-20"), Some(0.0));
    assert_eq!(duty("KZ", "282580", "2025-04-20"), Some(0.0));
    assert_eq!(duty("DE", "847130", "2025-08-20"), duty("FR", "847130", "2025-08-20"));
    assert_eq!(duty("KZ", "847130", "2025-08-20"), None);
    let elsewhere = bundle().as_of(day("2025-01-01")).duty(country("CN"), country("JP"), code("282580"), day("2025-01-01"));
    assert_eq!(elsewhere, None);
}

#[test]
fn changes_are_the_dates_on_which_something_is_published_or_steps() {
    let changes = bundle().changes(family("SB"), day("2024-08-01"), day("2026-03-01"));
    let expected = ["2024-08-15", "2024-09-15", "2024-12-03", "2025-01-31", "2025-06-30", "2025-11-09", "2026-02-28"];
    for date in expected {
        assert!(changes.contains(&day(date)), "{date} is missing in {changes:?}");
    }
    assert!(changes.is_sorted() && changes.windows(2).all(|pair| pair.first() != pair.last()));
    assert_eq!(bundle().changes(family("SB"), day("2024-08-15"), day("2024-09-15")), [day("2024-09-15")]);
    assert_eq!(bundle().changes(family("H2515"), day("2016-01-01"), day("2018-01-01")), []);
}

#[test]
fn between_two_changes_nothing_that_is_said_of_a_family_changes() {
    let of = family("SB");
    let says = |date: Date| {
        let as_of = bundle().as_of(date);
        let codes = bundle().families().hs6_of(of);
        let duties: Vec<_> = codes.iter().map(|hs| as_of.duty(Country::CHINA, country("US"), *hs, date)).collect();
        let made: Vec<_> = ["TH", "KR", "CN"].iter().map(|at| as_of.production(of, country(at), 2025)).collect();
        (as_of.measures(of, country("US")), duties, made, as_of.capacity(of, country("KR")))
    };
    let mut date = day("2024-07-01");
    while date < day("2026-03-10") {
        let next = date.tomorrow().unwrap();
        if bundle().changes(of, date, next).is_empty() {
            assert_eq!(says(date), says(next), "{next}");
        }
        date = next;
    }
}

#[test]
fn home_is_line_then_words_then_code_then_basket_then_heading() {
    let home = |hs: &str, line: Option<&str>, text: Option<&str>| {
        let line = line.map(|line| line.parse().unwrap());
        bundle().families().home(code(hs), line, text).to_string()
    };
    let cases = [
        ("282580", None, None, "SB"),
        ("284690", None, None, "REE"),
        ("250410", None, None, "C_NAT"),
        ("811292", None, None, "H811292"),
        ("811292", None, Some("GALLIUM METAL 4N"), "GA"),
        ("811292", None, Some("gallium and indium scrap"), "H811292"),
        ("811292", None, Some("metal powder"), "H811292"),
        ("811292", Some("8112921000"), None, "GA"),
        ("811292", Some("8112929010"), None, "GA"),
        ("811292", Some("8112921090"), Some("gallium"), "GE"),
        // Germanium in one tariff, gallium in another.
        ("811292", Some("81129210"), None, "H811292"),
        ("811292", Some("8112929999"), None, "H811292"),
        ("282590", None, Some("indium oxide"), "IN"),
        ("285390", None, Some("zinc germanium phosphide"), "GE"),
        ("280530", None, Some("dysprosium metal"), "REE"),
        ("847130", None, None, "H8471"),
        // Ferrite magnets are a placebo of the rare earths: context, never home.
        ("850519", None, None, "H8505"),
        ("854142", None, None, "SI_PV"),
    ];
    for (hs, line, text, expected) in cases {
        assert_eq!(home(hs, line, text), expected, "{hs} {line:?} {text:?}");
    }
    let issued = |issuer: &str| {
        let line = Some(("81129210".parse().unwrap(), Some(country(issuer))));
        bundle().families().home_issued(code("811292"), line, None).to_string()
    };
    assert_eq!((issued("CN").as_str(), issued("US").as_str()), ("GE", "GA"));
}

#[test]
fn a_code_is_context_for_every_family_that_lists_it() {
    let context = |hs: &str| -> Vec<String> { bundle().families().context(code(hs)).iter().map(ToString::to_string).collect() };
    assert_eq!(context("811292"), ["GA", "GE", "IN", "NB", "V"]);
    assert_eq!(context("850519"), ["REE"]);
    assert_eq!(context("847130"), Vec::<String>::new());
    let content = bundle().as_of(day("2025-01-01")).content(family("REE"), code("850519")).unwrap();
    assert_eq!((content.low, content.mid, content.high), (0.0, 0.0, 0.0));
    assert_eq!(bundle().families().all().filter(|f| bundle().families().class(*f) == FamilyClass::Minor).count(), 4);
}

#[test]
fn a_description_names_a_code_only_where_the_rules_agree() {
    let named = |text: &str| bundle().families().code_from_text(text).map(|code| code.to_string());
    assert_eq!(named("ANTIMONY TRIOXIDE 99.5 PCT").as_deref(), Some("282580"));
    assert_eq!(named("antimony metal and antimony oxide"), None);
    assert_eq!(named("toys"), None);
}

#[test]
fn older_editions_lead_to_2022_unless_the_code_was_divided() {
    let to = |hs: &str, version| bundle().to_hs2022(code(hs), version);
    assert_eq!(to("282580", HsVersion::Hs2017), HsConversion::Same(code("282580")));
    assert_eq!(to("854140", HsVersion::Hs2017), HsConversion::Split);
    assert_eq!(to("854140", HsVersion::Hs2007), HsConversion::Split);
    assert_eq!(to("854140", HsVersion::Hs2022), HsConversion::Same(code("854140")));
    assert_eq!(to("040310", HsVersion::Hs2017), HsConversion::Same(code("040320")));
}

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
        (Gacc, "999", "unknown"),
        (Japan, "106", "TW"),
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

#[test]
fn money_is_compared_at_the_newest_rate_known() {
    let rate = |currency: &str, month: &str, date: &str| {
        let found = bundle().as_of(day(date)).dollars(currency.parse().unwrap(), month.parse().unwrap());
        found.map(|(_, row)| row)
    };
    assert_eq!(rate("EUR", "2025-03", "2025-04-01").as_deref(), Some("exchange_rates/EUR.2025-03"));
    assert_eq!(rate("EUR", "2025-03", "2025-03-31").as_deref(), Some("exchange_rates/EUR.2025-02"));
    assert_eq!(rate("USD", "2025-03", "2025-03-31").as_deref(), Some("exchange_rates/USD"));
    assert_eq!(rate("VND", "2025-03", "2025-04-01"), None);
}

#[test]
fn shares_and_bands_come_with_their_rows() {
    let as_of = bundle().as_of(day("2025-01-01"));
    assert_eq!(as_of.reexport_share(country("HK")), Some((0.988, "hubs/HK".to_owned())));
    assert_eq!(as_of.reexport_share(country("SG")), None, "recalled figures weigh nothing");
    assert_eq!(as_of.lag_days(country("US")), Some(35));
    let (low, high, row) = as_of.unit_value_band(code("282580")).unwrap();
    assert!(low < 10.0 && high > 25.0 && row == "unit_values/282580");
}

#[test]
fn the_fingerprint_moves_with_any_table_and_that_of_the_map_with_the_map_alone() {
    let mut files = Reference::built_in_files();
    let prints = |files: &BTreeMap<String, String>| {
        let bundle = Reference::parse(files).unwrap();
        (bundle.fingerprint().to_owned(), bundle.family_map_fingerprint().to_owned())
    };
    let before = prints(&files);
    files.get_mut("lags.csv").unwrap().push_str("BR,BR,40,an example,recalled\n");
    let after = prints(&files);
    assert!(before.0 != after.0 && before.1 == after.1 && before.0.starts_with("sha256:"));
    files.get_mut("tariff_lines.csv").unwrap().push_str("US.9999999999,US,9999999999,SB,an example,found,high\n");
    assert_ne!(prints(&files).1, after.1);
    assert_eq!(bundle().published().get("production"), Some(&day("2026-02-28")));
}

/// Appends a row to a table of the bundle and compares the problems.
fn check(file: &str, row: &str, expected: Expect) {
    let mut files = Reference::built_in_files();
    let content = files.get_mut(file).unwrap();
    content.push_str(row);
    content.push('\n');
    let problems = Reference::parse(&files).map(|_| ()).unwrap_err();
    let lines: Vec<String> = problems.iter().map(|problem| problem.to_string()).collect();
    expected.assert_eq(&lines.join("\n"));
}

#[test]
fn problems_name_the_cell_and_what_to_do() {
    check(
        "capacity.csv",
        "SB.TH.X,SB,TH,-5,2025-13-01,,an example,found,high",
        expect![[r#"
        capacity.csv row 63: known_from: "2025-13-01" is no date (YYYY-MM-DD); correct the row
        capacity.csv row 63: tonnes: "-5" is no number of zero or more; correct the row
        materials.csv row 81: content_mid: "0.7004" does not lie between content_low and content_high, which is at most 1; correct the row"#]],
    );
    check(
        "materials.csv",
        "ZZ.010121,ZZ,010121,ore,horses,Zz,0.9,0.5,0.7,N,material,guess,an example,found,high",
        expect![[r#"
        materials.csv row 81: content_mid: "0.7004" does not lie between content_low and content_high, which is at most 1; correct the row
        materials.csv row 143: content_mid: "0.5" does not lie between content_low and content_high, which is at most 1; correct the row
        materials.csv row 143: family: "ZZ" is no family of families.csv; correct the row"#]],
    );
    check(
        "production.csv",
        "MCS2026.SB.mine.TJ.2025,MCS2026.SB.mine,SB,mine,UK,2025,1,Y,2026-02-28,,x,found,high",
        expect![[r#"
            materials.csv row 81: content_mid: "0.7004" does not lie between content_low and content_high, which is at most 1; correct the row
            production.csv row 1132: country: "UK" is no country (ISO 3166-1 alpha-2 in capitals, EU or XX); correct the row
            production.csv row 1132: id: "MCS2026.SB.mine.TJ.2025" stands on an earlier row too; correct the row"#]],
    );
    check(
        "duties.csv",
        "D1,US,CN,all,all,2025-02-01,2025-01-01,0.1,,an example,guessed,high",
        expect![[r#"
        duties.csv row 709: confidence: "guessed" is not one of found, computed, recalled; correct the row
        duties.csv row 709: known_from: "" is missing (YYYY-MM-DD); correct the row
        duties.csv row 709: valid_to: "2025-01-01" is not after valid_from 2025-02-01; correct the row
        materials.csv row 81: content_mid: "0.7004" does not lie between content_low and content_high, which is at most 1; correct the row"#]],
    );
    check(
        "hubs.csv",
        "NL,NL,0.5",
        expect![[r#"
        hubs.csv row 5: "" has another number of cells than the header (8); correct the row
        materials.csv row 81: content_mid: "0.7004" does not lie between content_low and content_high, which is at most 1; correct the row"#]],
    );
}

#[test]
fn a_missing_table_an_unknown_one_and_other_columns_are_problems() {
    let mut files = Reference::built_in_files();
    files.remove("lags.csv");
    files.insert("hubs.csv".to_owned(), "id,country\n".to_owned());
    files.insert("lag.csv".to_owned(), String::new());
    let problems = Reference::parse(&files).map(|_| ()).unwrap_err();
    let lines: Vec<String> = problems.iter().map(|problem| problem.to_string()).collect();
    expect![[r#"
        hubs.csv: the columns are id,country and must be id,country,reexport_share,year,known_from,source,confidence,certainty; correct the table
        lag.csv: is no table of the bundle (they are capacity.csv controls.csv countries.csv country_codes.csv description_rules.csv duties.csv duty_exemptions.csv exchange_rates.csv families.csv hs_correlation.csv hubs.csv lags.csv materials.csv ports.csv production.csv tariff_lines.csv text_codes.csv unit_values.csv); correct the table
        lags.csv: the table is missing; correct the table
        materials.csv row 81: content_mid: "0.7004" does not lie between content_low and content_high, which is at most 1; correct the row"#]].assert_eq(&lines.join("\n"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Rows that become known after a date change nothing of what was known on it.
    #[test]
    fn what_becomes_known_later_changes_nothing_before(days in 1i64..900, later in 1i64..900, tonnes in 1u32..1_000_000) {
        let date = day("2024-06-01").saturating_add(jiff::Span::new().days(days));
        let known = date.saturating_add(jiff::Span::new().days(later));
        let mut files = Reference::built_in_files();
        let mut add = |file: &str, row: String| files.get_mut(file).unwrap().push_str(&format!("{row}\n"));
        add("production.csv", format!("L.SB.mine.TH.2025,L.SB.mine,SB,mine,TH,2025,{tonnes},Y,{known},,x,found,high"));
        add("capacity.csv", format!("L.SB.TH,SB,TH,{tonnes},{known},,x,found,high"));
        add("duties.csv", format!("L,US,CN,282580,all,2018-01-01,,0.5,{known},x,found,high"));
        add("controls.csv", format!("L,ban,x,SB,282580,CN,ALL,2018-01-01,2018-01-01,,,,,,,,{known},N,x,found,high"));
        add("hubs.csv", format!("L,TH,0.5,2024,{known},x,found,high"));
        let grown = Reference::parse(&files).unwrap();
        for at in ["TH", "KR", "US", "DE"] {
            let (before, after) = (bundle().as_of(date), grown.as_of(date));
            let (sb, at) = (family("SB"), country(at));
            prop_assert_eq!(before.measures(sb, at), after.measures(sb, at));
            prop_assert_eq!(before.production(sb, at, 2025), after.production(sb, at, 2025));
            prop_assert_eq!(before.capacity(sb, at), after.capacity(sb, at));
            prop_assert_eq!(before.reexport_share(at), after.reexport_share(at));
            let duty = |as_of: AsOf<'_>| as_of.duty(Country::CHINA, at, code("282580"), date);
            prop_assert_eq!(duty(before), duty(after));
        }
        let seen = grown.as_of(known).production(family("SB"), country("TH"), 2025);
        let listed = Production::Listed { tonnes: f64::from(tonnes), row: "production/L.SB.mine.TH.2025".to_owned() };
        prop_assert!(seen == listed);
    }
}
