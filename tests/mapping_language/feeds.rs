//! Feeds that no shipped mapping reads, from the large data sets.

use expect_test::expect;

use crate::check;
use crate::data::shared;

#[test]
fn chinas_customs_query_in_gb18030_with_the_period_in_the_file_name() {
    let Some(bytes) = shared("feed-samples/china-gacc/SYNTHETIC_export_by_partner_2025.csv") else { return };
    let mapping = r#"
version = 1
name = "gacc"
kind = "trade_flow"
[envelope]
format = "csv"
encoding = "gb18030"
[columns]
nulls = ["-"]
[fields]
reporter = { const = "CN" }
flow = { const = "export" }
valuation = { const = "fob" }
partner = { column = "贸易伙伴编码", codes = "gacc" }
period = { file = "_([0-9]{4})[.]csv$", formats = ["%Y"] }
hs = "商品编码"
customs_value = { column = ["美元", "人民币"], grouping = ",", currency = { column_name = ["美元", "人民币"], words = { "美元" = "USD", "人民币" = "CNY" } } }
[[quantities]]
value = { column = "第一数量", null_when = { all = [{ column = "第一数量", equals = "0" }, { not = { column = "美元", equals = "0" } }] } }
unit = "第一计量单位"
grouping = ","
"#;
    check(
        mapping,
        ("SYNTHETIC_export_by_partner_2025.csv", &bytes),
        expect![[r#"
            {"kind":"trade_flow","reporter":"CN","partner":"TH","flow":"export","period":"2025","hs":"28258000","hs_version":"2022","net_mass_kg":20000,"customs_value":{"amount":"412000","currency":"USD"},"valuation":"fob","known_from":"2026-01-30T00:00:00Z"}
            {"kind":"trade_flow","reporter":"CN","partner":"US","flow":"export","period":"2025","hs":"28258000","hs_version":"2022","net_mass_kg":0,"customs_value":{"amount":"0","currency":"USD"},"valuation":"fob","known_from":"2026-01-30T00:00:00Z"}
            {"kind":"trade_flow","reporter":"CN","partner":"TW","flow":"export","period":"2025","hs":"81101010","hs_version":"2022","net_mass_kg":1500,"customs_value":{"amount":"33750","currency":"USD"},"valuation":"fob","known_from":"2026-01-30T00:00:00Z"}"#]],
    );
}

#[test]
fn a_usa_trade_online_report_names_countries_and_no_goods() {
    let Some(bytes) = shared("feed-samples/usa-trade-online/monthly_quoted.csv") else { return };
    let mapping = r#"
version = 1
name = "usa-trade-online"
kind = "trade_flow"
[envelope]
format = "csv"
preamble = "until-header"
[columns]
names = "normalised"
required = ["time", "COUNTRY"]
[fields]
reporter = { const = "US" }
flow = { const = "import" }
partner = { column = "Country", codes = "name-en" }
period = { column = "Time", formats = ["%B %Y", "%Y"] }
hs = { const = "282580" }
customs_value = { column = ["Customs Value (Gen) ($US)", "export_value"], grouping = ",", currency = { const = "USD" } }
"#;
    check(
        mapping,
        ("monthly_quoted.csv", &bytes),
        expect![[r#"
        {"kind":"trade_flow","reporter":"US","partner":"AU","flow":"import","period":"2002-03","hs":"282580","hs_version":"2002","customs_value":{"amount":"1067101","currency":"USD"},"known_from":"2002-04-30T00:00:00Z"} no_mass
        {"kind":"trade_flow","reporter":"US","partner":"AT","flow":"import","period":"2002-03","hs":"282580","hs_version":"2002","customs_value":{"amount":"4272","currency":"USD"},"known_from":"2002-04-30T00:00:00Z"} no_mass
        {"kind":"trade_flow","reporter":"US","partner":"BE","flow":"import","period":"2002-03","hs":"282580","hs_version":"2002","customs_value":{"amount":"18380","currency":"USD"},"known_from":"2002-04-30T00:00:00Z"} no_mass
        {"kind":"trade_flow","reporter":"US","partner":"CA","flow":"import","period":"2002-03","hs":"282580","hs_version":"2002","customs_value":{"amount":"3721789","currency":"USD"},"known_from":"2002-04-30T00:00:00Z"} no_mass
        {"kind":"trade_flow","reporter":"US","partner":"CN","flow":"import","period":"2002-03","hs":"282580","hs_version":"2002","customs_value":{"amount":"6211793","currency":"USD"},"known_from":"2002-04-30T00:00:00Z"} no_mass
        {"kind":"trade_flow","reporter":"US","partner":"CZ","flow":"import","period":"2002-03","hs":"282580","hs_version":"2002","customs_value":{"amount":"75893","currency":"USD"},"known_from":"2002-04-30T00:00:00Z"} no_mass
        {"kind":"trade_flow","reporter":"US","partner":"KR","flow":"import","period":"2002-03","hs":"282580","hs_version":"2002","customs_value":{"amount":"549311","currency":"USD"},"known_from":"2002-04-30T00:00:00Z"} no_mass
        {"kind":"trade_flow","reporter":"US","partner":"MY","flow":"import","period":"2002-03","hs":"282580","hs_version":"2002","customs_value":{"amount":"11270404","currency":"USD"},"known_from":"2002-04-30T00:00:00Z"} no_mass
        {"kind":"trade_flow","reporter":"US","partner":"MX","flow":"import","period":"2002-03","hs":"282580","hs_version":"2002","customs_value":{"amount":"7925880","currency":"USD"},"known_from":"2002-04-30T00:00:00Z"} no_mass
        {"kind":"trade_flow","reporter":"US","partner":"TW","flow":"import","period":"2002-03","hs":"282580","hs_version":"2002","customs_value":{"amount":"3163719","currency":"USD"},"known_from":"2002-04-30T00:00:00Z"} no_mass
        {"kind":"trade_flow","reporter":"US","partner":"TH","flow":"import","period":"2002-03","hs":"282580","hs_version":"2002","customs_value":{"amount":"2732550","currency":"USD"},"known_from":"2002-04-30T00:00:00Z"} no_mass
        {"kind":"trade_flow","reporter":"US","partner":"GB","flow":"import","period":"2002-03","hs":"282580","hs_version":"2002","customs_value":{"amount":"2156392","currency":"USD"},"known_from":"2002-04-30T00:00:00Z"} no_mass
        excluded country_group
        excluded country_group
        unknown_country: partner (from Country): "ASEAN - Association of Southeast Asian Nations" is no country in the code system name-en; if it is one, add it under words
        {"kind":"trade_flow","reporter":"US","partner":"EU","flow":"import","period":"2002-03","hs":"282580","hs_version":"2002","customs_value":{"amount":"5817314","currency":"USD"},"known_from":"2002-04-30T00:00:00Z"} no_mass
        excluded country_group
        unknown_country: partner (from Country): "US Trade Agreements Partners" is no country in the code system name-en; if it is one, add it under words"#]],
    );
}

#[test]
fn an_indian_vendor_file_with_title_lines_and_indian_grouping() {
    let Some(bytes) = shared("feed-samples/commercial-exports/SYNTHETIC_india_import_full.csv") else { return };
    let mapping = r#"
version = 1
name = "india-vendor"
kind = "shipment"
[envelope]
format = "csv"
preamble = "until-header"
[columns]
names = "normalised"
required = ["DECLARATION NO", "HS CODE"]
[fields]
id = { concat = ["DECLARATION NO", { column = "HS CODE", text = [{ cut = [0, 4] }] }], separator = "/" }
event_date = { column = "DATE", formats = ["%d-%b-%y"] }
reporter = { const = "IN" }
destination = { const = "IN" }
hs = "HS CODE"
description = "GOODS DESCRIPTION"
country_of_origin = { column = "country of origin", codes = "name-en" }
customs_value = { column = "TOTAL VALUE_USD", grouping = ",", currency = { const = "USD" } }
[[quantities]]
value = "QUANTITY"
unit = "UNIT"
grouping = ","
[[parties]]
role = "shipper"
name = "SUPPLIER"
"#;
    check(
        mapping,
        ("india.csv", &bytes),
        expect![[r#"
            {"kind":"shipment","id":"1234567/2825","revision":1,"status":"active","event_date":"2025-03-14","known_from":"2025-04-13T00:00:00Z","flow":"import","reporter":"IN","hs":"28258000","hs_version":"2022","description":"ANTIMONY TRIOXIDE 99.8 PCT","country_of_origin":"TH","destination":"IN","net_mass_kg":20000,"customs_value":{"amount":"412500.00","currency":"USD"},"parties":[{"role":"shipper","name":"FIRM-00000000B2 CO., LTD"}]}
            {"kind":"shipment","id":"1234999/2825","revision":1,"status":"active","event_date":"2025-03-02","known_from":"2025-04-01T00:00:00Z","flow":"import","reporter":"IN","hs":"28258000","hs_version":"2022","description":"ANTIMONY OXIDE","country_of_origin":"CN","destination":"IN","net_mass_kg":5000,"customs_value":{"amount":"98000.00","currency":"USD"},"parties":[{"role":"shipper","name":"FIRM-00000000D4"}]}"#]],
    );
}

#[test]
fn a_declaration_of_the_wco_data_model_as_json() {
    let Some(bytes) = shared("feed-samples/wco-declaration/hmrc_TT_IM001a.json") else { return };
    let mapping = r##"
version = 1
name = "wco"
kind = "shipment"
[envelope]
format = "json"
records = "/MetaData/Declaration/GoodsShipment/GovernmentAgencyGoodsItem"
[fields]
id = { concat = [{ envelope = "/MetaData/Declaration/FunctionalReferenceID" }, "SequenceNumeric"], separator = "/" }
event_date = { first = [{ envelope = "/MetaData/Declaration/AcceptanceDateTime" }, { const = "2024-01-19" }] }
reporter = { const = "GB" }
destination = { envelope = "/MetaData/Declaration/GoodsShipment/Destination/CountryCode" }
hs = { concat = [{ pointer = "/Commodity/Classification/[IdentificationTypeCode=TSP]/ID" }, { pointer = "/Commodity/Classification/[IdentificationTypeCode=TRC]/ID" }] }
country_of_origin = { first = [{ pointer = "/Origin/[TypeCode=1]/CountryCode" }, { pointer = "/Origin/0/CountryCode" }] }
country_of_consignment = { envelope = "/MetaData/Declaration/GoodsShipment/ExportCountry/ID" }
net_mass_kg = { pointer = "/Commodity/GoodsMeasure/NetNetWeightMeasure" }
gross_mass_kg = { pointer = "/Commodity/GoodsMeasure/GrossMassMeasure" }
customs_value = { pointer = "/Commodity/InvoiceLine/ItemChargeAmount/#text", currency = { pointer = "/Commodity/InvoiceLine/ItemChargeAmount/@currencyID" } }
[meaning]
partial_amendment = { all = [{ envelope = "/MetaData/Declaration/FunctionCode", equals = "13" }, { envelope = "/MetaData/Declaration/TypeCode", equals = "COR" }] }
cancelled = { envelope = "/MetaData/Declaration/TypeCode", equals = "INV" }
"##;
    check(
        mapping,
        ("a.json", &bytes),
        expect![[
            r#"{"kind":"shipment","id":"7847767E1WB6/1","revision":1,"status":"active","event_date":"2024-01-19","known_from":"2024-02-18T00:00:00Z","flow":"import","reporter":"GB","hs":"8510900000","hs_version":"2022","country_of_origin":"US","country_of_consignment":"US","destination":"GB","net_mass_kg":100,"gross_mass_kg":150,"customs_value":{"amount":"1000","currency":"GBP"}}"#
        ]],
    );
}
