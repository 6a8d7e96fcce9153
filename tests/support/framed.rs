//! Two feeds, of which the first is in Avro, and what it holds.

#![allow(dead_code, unreachable_pub, reason = "several tests share it, and none uses all of it")]

use super::double::Double;
use super::house::House;

/// Canonical trade flows. What is optional is there as null, as Avro has it.
pub const FLOW: &str = r#"{"type":"record","name":"Flow","fields":[
  {"name":"kind","type":"string"},{"name":"reporter","type":"string"},{"name":"partner","type":"string"},
  {"name":"flow","type":"string"},{"name":"period","type":"string"},{"name":"hs","type":"string"},
  {"name":"net_mass_kg","type":["null","long"]},{"name":"valuation","type":["null","string"]},
  {"name":"known_from","type":{"type":"long","logicalType":"timestamp-millis"}}]}"#;

/// A month's flow, written by the schema of an id.
pub fn flow(id: u32, month: &str) -> Vec<u8> {
    let mut bytes = [&[0], id.to_be_bytes().as_slice()].concat();
    for text in ["trade_flow", "US", "TH", "import", month, "282580"] {
        bytes.push(2 * u8::try_from(text.len()).unwrap());
        bytes.extend(text.as_bytes());
    }
    // 20,000 kg; no valuation; 2025-06-05.
    bytes.extend([2, 0xc0, 0xb8, 0x02, 0, 0x80, 0xc0, 0x99, 0xd6, 0xe7, 0x65]);
    bytes
}

/// A house with both feeds, whose registry is the double.
pub fn house(double: &Double) -> House {
    let house = House::new(&[("bills", "canonical"), ("plain", "canonical")]);
    let config = std::fs::read_to_string(house.path("entrepot.toml")).unwrap();
    let config = config.replace("name = \"bills\"\n", "name = \"bills\"\nformat = \"avro\"\n");
    house.write("entrepot.toml", format!("{config}[schema_registry]\nurl = \"{}\"\n", double.url()).as_bytes());
    house
}
