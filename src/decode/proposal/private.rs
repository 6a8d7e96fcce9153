//! What may not be shown: names of columns without accents, and values that are plainly somebody's address, number or name.

/// The Latin letter without its accent. Other scripts are left alone: words of theirs are known as they are written.
pub(super) fn folded(sign: char) -> &'static str {
    if ('\u{c0}'..='\u{24f}').contains(&sign) { deunicode::deunicode_char(sign).unwrap_or_default() } else { "" }
}

/// Whether a sign is an accent by itself, behind its letter.
pub(super) fn is_accent(sign: char) -> bool {
    ('\u{300}'..='\u{36f}').contains(&sign)
}

/// Words by which firms are called at the end of their names, in lower case without points.
const FIRMS: [&str; 24] = [
    "gmbh",
    "ltd",
    "limited",
    "inc",
    "llc",
    "llp",
    "corp",
    "corporation",
    "plc",
    "bv",
    "nv",
    "ag",
    "sarl",
    "srl",
    "spa",
    "ltda",
    "lda",
    "sac",
    "cv",
    "bhd",
    "pty",
    "jsc",
    "ooo",
    "sa",
];
/// The same in scripts without blanks.
const FIRMS_WITHIN: [&str; 5] = ["公司", "株式会社", "有限会社", "주식회사", "(주)"];

/// Why the values of a column may not be shown; `None` where nothing speaks for it. One e-mail address is enough.
pub(super) fn reason(values: &[&str]) -> Option<&'static str> {
    let count = |test: &dyn Fn(&str) -> bool| values.iter().filter(|value| test(value)).count();
    let a_third = |hits: usize| hits > 0 && hits * 3 >= values.len();
    if count(&is_email) > 0 {
        Some("its values look like e-mail addresses")
    } else if a_third(count(&is_telephone)) {
        Some("its values look like telephone numbers")
    } else if a_third(count(&is_account)) {
        Some("its values look like bank accounts")
    } else if a_third(count(&is_firm)) {
        Some("its values look like names of firms")
    } else {
        None
    }
}

fn is_email(text: &str) -> bool {
    text.split([' ', ',', ';', '<', '>', '(', ')']).any(|word| {
        let (before, after) = word.split_once('@').unwrap_or_default();
        let (host, top) = after.rsplit_once('.').unwrap_or_default();
        !before.is_empty() && !host.is_empty() && top.len() >= 2 && top.bytes().all(|byte| byte.is_ascii_alphabetic())
    })
}

/// With the plus of another country, or the brackets of another town: digits alone may be anything.
fn is_telephone(text: &str) -> bool {
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    let plain = text.bytes().all(|byte| byte.is_ascii_digit() || b"+-()/. ".contains(&byte));
    let far = text.starts_with('+') || text.starts_with('(') && text.split(')').nth(1).is_some_and(|rest| rest.len() > 4);
    plain && far && (7..=16).contains(&digits)
}

/// An IBAN (ISO 13616), which proves itself by two digits.
fn is_account(text: &str) -> bool {
    let plain: Vec<u8> = text.bytes().filter(|byte| *byte != b' ').collect();
    let has_form = match plain.as_slice() {
        [a, b, c, d, rest @ ..] => {
            let head = a.is_ascii_uppercase() && b.is_ascii_uppercase() && c.is_ascii_digit() && d.is_ascii_digit();
            head && (11..=30).contains(&rest.len()) && rest.iter().all(|byte| byte.is_ascii_digit() || byte.is_ascii_uppercase())
        }
        _ => false,
    };
    // Country and check digits come last; a letter counts 10 to 35, so it moves the number by two digits.
    let figures = plain.iter().cycle().skip(4).take(plain.len()).map(|byte| match byte {
        b'0'..=b'9' => (10, u32::from(byte - b'0')),
        letter => (100, u32::from(letter.saturating_sub(b'A')) + 10),
    });
    has_form && figures.fold(0, |rest, (shift, figure)| (rest * shift + figure) % 97) == 1
}

fn is_firm(text: &str) -> bool {
    let plain = text.to_lowercase().replace('.', "");
    let words: Vec<&str> = plain.split([' ', ',']).filter(|word| !word.is_empty()).collect();
    let last = words.last().is_some_and(|word| FIRMS.contains(word));
    words.len() > 1 && last || FIRMS_WITHIN.iter().any(|word| plain.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_that_are_plainly_somebodys_are_told() {
        for values in [
            &["x", "y", "z", "Doe <doe@example.com>"][..],
            &["+49 30 555 0100", "+57 301 555 0101"],
            &["(030) 5550100", "(030) 555-0101"],
            &["Example Oxide GmbH", "Example Co., Ltd.", "EXAMPLE S.A. DE C.V.", "Example Inc"],
            &["示例有限公司"],
            &["DE89370400440532013000", "GB82 WEST 1234 5698 7654 32", "no account"],
        ] {
            assert!(reason(values).is_some(), "{values:?}");
        }
        for values in [
            &["282580", "2025-01", "TH"][..],
            &["+5", "-12.5", "(5)", "(1,200)", "+1000000.5"],
            &["ANTIMONY TRIOXIDE 99.5 PCT", "20 KG", "a @ b", "AG", "SA"],
            &["EXLN20250001", "CSQU3054383", "n/a"],
            &["DE88370400440532013000", "EX12345678901234567", "de89370400440532013000"],
            &[],
        ] {
            assert_eq!(reason(values), None, "{values:?}");
        }
    }
}
