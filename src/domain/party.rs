//! Who: the parties named on a document, and names made comparable.

use super::Country;

/// The part a party plays on a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Sends the goods.
    Shipper,
    /// Receives them.
    Consignee,
    /// Is told of their arrival.
    NotifyParty,
    /// Answers to customs.
    ImporterOfRecord,
    /// Made the goods.
    Manufacturer,
}

/// A firm as a document names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Party {
    /// Its part.
    pub role: Role,
    /// Its name as written.
    pub name: Option<String>,
    /// An identifier with its scheme, as `duns:000000000`; kept as written.
    pub identifier: Option<String>,
    /// Where it sits.
    pub country: Option<Country>,
}

/// Legal forms, after transliteration and lower case: they differ by language and say nothing about who it is.
const LEGAL_FORMS: [&str; 38] = [
    "ab",
    "ag",
    "as",
    "asa",
    "berhad",
    "bhd",
    "bv",
    "co",
    "company",
    "corp",
    "corporation",
    "cv",
    "de",
    "gmbh",
    "inc",
    "incorporated",
    "jsc",
    "kg",
    "kk",
    "limited",
    "llc",
    "llp",
    "lp",
    "ltd",
    "ltda",
    "nv",
    "oy",
    "oyj",
    "plc",
    "pt",
    "pte",
    "public",
    "pvt",
    "rl",
    "sa",
    "sdn",
    "spa",
    "srl",
];

/// A name made comparable: transliterated, lower case, without punctuation and legal forms, one blank between words.
///
/// `Example Oxide Co., Ltd.` and `EXAMPLE  OXIDE COMPANY LIMITED` give `example oxide`. A name that is all legal form keeps its words.
pub fn comparable_name(name: &str) -> String {
    let plain = deunicode::deunicode(name).to_ascii_lowercase();
    // Points inside an abbreviation join its letters ("S.A." is "sa"); other signs part words.
    let spaced: String =
        plain.chars().filter(|c| !matches!(c, '.' | '\'')).map(|c| if c.is_ascii_alphanumeric() { c } else { ' ' }).collect();
    let words: Vec<&str> = spaced.split_ascii_whitespace().collect();
    let telling: Vec<&str> = words.iter().copied().filter(|word| !LEGAL_FORMS.contains(word)).collect();
    if telling.is_empty() { words.join(" ") } else { telling.join(" ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn same(left: &str, right: &str) {
        assert_eq!(comparable_name(left), comparable_name(right));
    }

    #[test]
    fn legal_form_case_and_punctuation_do_not_matter() {
        same("Example Oxide Co., Ltd.", "EXAMPLE  OXIDE COMPANY LIMITED");
        same("Example Metals Sdn. Bhd.", "Example Metals Sdn Bhd");
        same("Métaux Exemple S.A.", "METAUX EXEMPLE SA");
    }

    #[test]
    fn scripts_are_transliterated() {
        assert_eq!(comparable_name("示例锑业"), comparable_name("Shi Li Ti Ye"));
        same("Пример ООО", "Primer OOO");
    }

    #[test]
    fn a_name_of_legal_forms_alone_is_kept() {
        assert_eq!(comparable_name("Co. Ltd"), "co ltd");
        assert_eq!(comparable_name(""), "");
    }
}
