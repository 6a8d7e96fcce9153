//! What the name of a column says of its figures: which currency they are in, and how many each stands for. What it leaves open is asked.

use super::Found;

/// Words of currencies in names of columns. A `$` without a country is nobody's: most countries with a dollar or peso of their own print so.
const MONIES: [(&str, &[&str]); 16] = [
    ("USD", &["usd", "us$", "$ us", "us dollar", "us dollars", "u s dollars", "dolares estadounidenses", "美元"]),
    ("EUR", &["eur", "euro", "euros"]),
    ("CNY", &["cny", "rmb", "人民币"]),
    ("JPY", &["jpy", "yen"]),
    ("KRW", &["krw", "won"]),
    ("INR", &["inr"]),
    ("VND", &["vnd"]),
    ("GBP", &["gbp"]),
    ("HKD", &["hkd", "hk$"]),
    ("TWD", &["twd", "nt$"]),
    ("AUD", &["aud", "a$", "au$"]),
    ("CAD", &["cad", "c$", "ca$", "can$"]),
    ("NZD", &["nzd", "nz$"]),
    ("SGD", &["sgd", "s$", "sg$"]),
    ("BRL", &["brl", "r$"]),
    ("MXN", &["mxn", "mx$", "mex$"]),
];
/// Words for how many a figure stands for, longer ones first; empty: its author has to say which is meant.
const TIMES: [(&str, &[&str]); 7] = [
    ("1000000", &["million", "millions", "mn", "mln", "mio", "millones", "milhoes", "millionen", "百万", "백만"]),
    ("1000000000", &["billion", "billions", "bn", "mrd"]),
    ("1000", &["thousand", "thousands", "000", "000s", "1000s", "k", "tsd", "tys", "miles", "milhares", "milliers"]),
    ("1000", &["千元", "千美元", "千円", "천달러"]),
    ("10000", &["万元", "万美元"]),
    ("100000000", &["亿元", "亿美元"]),
    ("", &["m", "mm", "th", "mil", "mille", "mrds", "lakh", "lakhs", "lac", "crore", "crores", "cr"]),
];

/// How many each figure of a column stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Times {
    One,
    /// So many: a one and noughts.
    Many(String),
    /// A word that may mean several.
    Unsure(&'static str),
}

impl Found<'_> {
    /// The currency that the name of a column tells.
    pub(super) fn money(&self, at: usize) -> Option<&'static str> {
        MONIES.iter().find(|(_, said)| self.named(at, said)).map(|(code, _)| *code)
    }

    /// How many each of its figures stands for, as its name tells.
    pub(super) fn times(&self, at: usize) -> Times {
        let words = self.words(at);
        let power = |word: &&str| word.len() > 2 && word.starts_with('1') && word.bytes().skip(1).all(|byte| byte == b'0');
        if let Some(many) = words.split(' ').find(power) {
            return Times::Many(many.to_owned());
        }
        for (many, said) in TIMES {
            match said.iter().find(|word| self.named(at, &[**word])) {
                Some(word) if many.is_empty() => return Times::Unsure(word),
                Some(_) => return Times::Many(many.to_owned()),
                None => {}
            }
        }
        Times::One
    }
}

#[cfg(test)]
mod tests {
    use super::super::draft_of;

    /// The line that the draft has for the value under that name, and whether it asks.
    #[track_caller]
    fn check(name: &str, keys: &str) {
        let text = format!(
            "HS;Partner;Reporter;Flow;Period;{name}\n282580;TH;US;import;2025-01;1234\n282580;VN;US;import;2025-01;5678\n"
        );
        let draft = draft_of("t.csv", text.as_bytes());
        let found = draft.lines().find(|line| line.starts_with("customs_value = ") || line.starts_with("net_mass_kg = "));
        let found = found.map_or("", |line| line.split_once(", ").map_or(line, |(_, keys)| keys));
        assert_eq!(found, keys, "{name}");
    }

    #[test]
    fn a_currency_is_told_by_its_own_sign_and_by_no_other() {
        for (sign, code) in [
            ("HK$", "HKD"),
            ("A$", "AUD"),
            ("C$", "CAD"),
            ("NT$", "TWD"),
            ("R$", "BRL"),
            ("NZ$", "NZD"),
            ("S$", "SGD"),
            ("US$", "USD"),
            ("$US", "USD"),
            ("USD", "USD"),
            ("€", "EUR"),
            ("$", "TODO"),
            ("dollars", "TODO"),
            ("CL$", "TODO"),
        ] {
            check(&format!("Value ({sign})"), &format!("currency = {{ const = \"{code}\" }} }}"));
        }
    }

    #[test]
    fn how_many_a_figure_stands_for_is_set_or_asked() {
        for (name, scale, code) in [
            ("Value (HK$ thousand)", "1000", "HKD"),
            ("Value S$000", "1000", "SGD"),
            ("Value (USD million)", "1000000", "USD"),
            ("Value (USD mn)", "1000000", "USD"),
            ("Value (mio EUR)", "1000000", "EUR"),
            ("Value (bn USD)", "1000000000", "USD"),
            ("Valor (miles de US$)", "1000", "USD"),
            ("Value (Tsd. EUR)", "1000", "EUR"),
            ("Value in 1000 EUR", "1000", "EUR"),
            ("Value (k€)", "1000", "EUR"),
            ("金额（千美元）", "1000", "USD"),
            ("金额（万元）", "10000", "TODO"),
            ("Value (US$m)", "TODO", "USD"),
            ("Value (INR Lakh)", "TODO", "INR"),
            ("Value (Rs. crore)", "TODO", "TODO"),
        ] {
            check(name, &format!("scale = \"{scale}\", currency = {{ const = \"{code}\" }} }}"));
        }
        check("Net mass in thousand kg", "scale = \"1000\" }");
        check("Net mass (1000 kg)", "scale = \"1000\" }");
        check("Net mass (1000 t)", "scale = \"1000000\" }");
        check("Net mass (100 kg)", "scale = \"100\" }");
        check("Net mass (m kg)", "scale = \"TODO\" }");
        check("Net mass kg", "net_mass_kg = \"Net mass kg\"");
    }
}
