//! Lays out an explanation as text, Markdown or a page. Wording of a verdict comes from its value alone: nothing is added to it.

use serde_json::Value;

use super::explain::Explained;
use crate::replay::document;

/// A piece of an explanation.
enum Block {
    Title(String),
    Heading(String),
    Facts(Vec<(String, String)>),
    Item(String, Vec<(String, String)>),
    Line(String),
}

/// For a terminal.
pub(super) fn text(explained: &Explained) -> String {
    let mut text = String::new();
    for block in blocks(explained) {
        match block {
            Block::Title(title) => text.push_str(&format!("{title}\n")),
            Block::Heading(heading) => text.push_str(&format!("\n{heading}\n")),
            Block::Line(line) => text.push_str(&format!("  {line}\n")),
            Block::Facts(facts) => facts.iter().for_each(|(name, fact)| text.push_str(&format!("  {name:<18}{fact}\n"))),
            Block::Item(title, facts) => {
                text.push_str(&format!("  {title}\n"));
                facts.iter().for_each(|(name, fact)| text.push_str(&format!("      {name:<14}{fact}\n")));
            }
        }
    }
    text.trim_end().to_owned()
}

/// For a memo.
pub(super) fn markdown(explained: &Explained) -> String {
    let mut text = String::new();
    for block in blocks(explained) {
        match block {
            Block::Title(title) => text.push_str(&format!("# {}\n", plain(&title))),
            Block::Heading(heading) => text.push_str(&format!("\n## {heading}\n\n")),
            Block::Line(line) => text.push_str(&format!("- {}\n", plain(&line))),
            Block::Facts(facts) => {
                text.push_str("\n| | |\n|---|---|\n");
                facts.iter().for_each(|(name, fact)| text.push_str(&format!("| {} | {} |\n", plain(name), plain(fact))));
            }
            Block::Item(title, facts) => {
                text.push_str(&format!("- **{}**\n", plain(&title)));
                facts.iter().for_each(|(name, fact)| text.push_str(&format!("  - {}: {}\n", plain(name), plain(fact))));
            }
        }
    }
    text.trim_end().to_owned()
}

/// Text that Markdown shows as it is: ids and names are a feed's, and may hold marks, HTML and the ends of lines.
/// Between letters an underscore marks nothing, so that names of signals stay as they are read.
fn plain(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut before = None;
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        let is_within = |letter: Option<char>| letter.is_some_and(char::is_alphanumeric);
        match letter {
            '&' => shown.push_str("&amp;"),
            '<' => shown.push_str("&lt;"),
            '_' if is_within(before) && is_within(letters.peek().copied()) => shown.push('_'),
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '~' | '$' => shown.extend(['\\', letter]),
            letter if letter.is_control() => shown.push(' '),
            letter => shown.push(letter),
        }
        before = Some(letter);
    }
    shown
}

/// A page that stands alone.
pub(super) fn html(explained: &Explained) -> String {
    let mut body = String::new();
    for block in blocks(explained) {
        match block {
            Block::Title(title) => body.push_str(&format!("<h1>{}</h1>\n", escaped(&title))),
            Block::Heading(heading) => body.push_str(&format!("<h2>{}</h2>\n", escaped(&heading))),
            Block::Line(line) => body.push_str(&format!("<p>{}</p>\n", escaped(&line))),
            Block::Facts(facts) => body.push_str(&definitions(&facts)),
            Block::Item(title, facts) => {
                body.push_str(&format!("<section><h3>{}</h3>\n{}</section>\n", escaped(&title), definitions(&facts)));
            }
        }
    }
    document(&title(&explained.value), &format!("<main class=\"verdict\">\n{body}</main>"))
}

fn definitions(facts: &[(String, String)]) -> String {
    let rows: String =
        facts.iter().map(|(name, fact)| format!("<dt>{}</dt><dd>{}</dd>\n", escaped(name), escaped(fact))).collect();
    format!("<dl class=\"facts\">\n{rows}</dl>\n")
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

fn blocks(explained: &Explained) -> Vec<Block> {
    let value = &explained.value;
    let mut blocks = vec![Block::Title(title(value)), Block::Facts(head(value))];
    let evidence: Vec<Block> = items(value, "evidence").map(evidence).collect();
    if !evidence.is_empty() {
        blocks.push(Block::Heading("Evidence".to_owned()));
        blocks.extend(evidence);
    }
    let balance = facts_of(value.get("balance"));
    if !balance.is_empty() {
        blocks.push(Block::Heading("Mass balance, tonnes of contained element".to_owned()));
        blocks.push(Block::Facts(balance));
    }
    let changes: Vec<Block> = items(value, "would_change_most")
        .map(|change| Block::Line(format!("{}: {}", shown(change.get("signal")), shown(change.get("because")))))
        .collect();
    if !changes.is_empty() {
        blocks.push(Block::Heading("What would change it most".to_owned()));
        blocks.extend(changes);
    }
    blocks.push(Block::Heading("Where it comes from".to_owned()));
    let mut facts = facts_of(value.get("provenance"));
    facts.push(("stands at".to_owned(), explained.position.clone()));
    facts.push(("caused by".to_owned(), explained.input.clone()));
    blocks.push(Block::Facts(facts));
    blocks.push(Block::Line(explained.comparison.clone()));
    blocks
}

fn title(value: &Value) -> String {
    let id = value.get("id").or_else(|| value.get("case"));
    match value.get("kind").and_then(Value::as_str) {
        Some("assessment") => format!("Shipment {}: probable Chinese origin {}", shown(id), chance(value)),
        Some("corridor") => format!("Corridor {}: rerouting {}", shown(id), chance(value)),
        Some("alert") => {
            let (change, to) = (shown(value.get("change")), shown(value.get("to")));
            format!("Case {}: {change}, now {to}", shown(id))
        }
        _ => "A value that is no verdict".to_owned(),
    }
}

fn chance(value: &Value) -> String {
    format!("{} ({})", shown(value.get("probability")), shown(value.get("band")))
}

fn head(value: &Value) -> Vec<(String, String)> {
    let plain = [
        ("revision", "revision"),
        ("sequence", "sequence"),
        ("status", "status"),
        ("as of", "as_of"),
        ("at", "at"),
        ("opened", "opened"),
        ("goods moved", "event_date"),
        ("month", "month"),
        ("family", "family"),
        ("HS 2022", "hs6"),
        ("from", "intermediary"),
        ("to", "destination"),
        ("subject", "subject"),
        ("statement", "statement"),
        ("prior", "prior"),
        ("score", "score"),
        ("complete", "complete_fraction"),
    ];
    let is_alert = value.get("case").is_some();
    let mut facts: Vec<(String, String)> = plain
        .into_iter()
        // In an alert `from` and `to` are bands, and stand in its title.
        .filter_map(|(name, key)| Some((name.to_owned(), shown(Some(value.get(key)?)))))
        .filter(|(name, _)| !is_alert || name != "from" && name != "to")
        .collect();
    if let Some(share) = value.get("chinese_share") {
        let bound = |name| share.get(name).map_or_else(|| "unknown".to_owned(), |bound| shown(Some(bound)));
        let words = format!("at least {}, probably {}, at most {}", bound("low"), bound("mid"), bound("high"));
        facts.push(("Chinese share".to_owned(), words));
    }
    let limits: Vec<String> = items(value, "limits")
        .map(|limit| facts_of(Some(limit)).into_iter().map(|(_, fact)| fact).collect::<Vec<_>>().join(" at "))
        .collect();
    if !limits.is_empty() {
        facts.push(("limits".to_owned(), limits.join(", ")));
    }
    let coverage: Vec<String> =
        facts_of(value.get("coverage")).into_iter().map(|(layer, word)| format!("{layer} {}", word.replace('_', " "))).collect();
    if !coverage.is_empty() {
        facts.push(("coverage".to_owned(), coverage.join(", ")));
    }
    if let Some(corridor) = value.get("corridor") {
        let words = format!("{}, revision {}", shown(corridor.get("id")), shown(corridor.get("revision")));
        facts.push(("corridor".to_owned(), words));
    }
    let quality: Vec<String> = items(value, "quality").map(|reason| shown(Some(reason))).collect();
    if !quality.is_empty() {
        facts.push(("quality".to_owned(), quality.join(", ")));
    }
    facts
}

fn evidence(evidence: &Value) -> Block {
    let counted = evidence.get("counted").and_then(Value::as_i64).unwrap_or(0);
    let title = format!("{counted:+}  {}: {}", shown(evidence.get("signal")), shown(evidence.get("statement")));
    let list = |key: &str| items(evidence, key).map(|item| shown(Some(item))).collect::<Vec<_>>().join(", ");
    let figures: Vec<String> =
        facts_of(evidence.get("figures")).into_iter().map(|(name, figure)| format!("{name} {figure}")).collect();
    let records = format!("{} (of {})", list("records"), shown(evidence.get("records_total")));
    let facts = [
        ("layer", shown(evidence.get("layer"))),
        ("weight", format!("{} before damping and caps", shown(evidence.get("weight")))),
        ("figures", figures.join(", ")),
        ("records", records),
        ("reference", list("reference")),
        ("falsified by", shown(evidence.get("falsified_by"))),
    ];
    let facts = facts.into_iter().filter(|(_, fact)| !fact.is_empty()).map(|(name, fact)| (name.to_owned(), fact));
    Block::Item(title, facts.collect())
}

fn items<'a>(value: &'a Value, key: &str) -> impl Iterator<Item = &'a Value> {
    value.get(key).and_then(Value::as_array).into_iter().flatten()
}

fn facts_of(value: Option<&Value>) -> Vec<(String, String)> {
    let entries = value.and_then(Value::as_object).into_iter().flatten();
    entries.map(|(name, fact)| (name.replace('_', " "), shown(Some(fact)))).collect()
}

fn shown(value: Option<&Value>) -> String {
    match value {
        None => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markdown_shows_what_a_feed_says_and_marks_nothing_by_it() {
        assert_eq!(
            plain("records:<script>alert(1)</script>[x](y) a|b `c` *d* _e_ ~~f~~\n# g\\"),
            "records:&lt;script>alert(1)&lt;/script>\\[x\\](y) a\\|b \\`c\\` \\*d\\* \\_e\\_ \\~\\~f\\~\\~ # g\\\\"
        );
        let ours =
            "+1563  C1_MASS_BALANCE: SB (oxide) from TH to US went from 31.7 to 268.8 t a month (8 times), SB/TH/US/2025-03";
        assert_eq!(plain(ours), ours);
    }

    #[test]
    fn an_id_stands_in_no_form_as_anything_but_text() {
        let id = "records:<img src=x>|*b*";
        let value = serde_json::json!({"kind": "assessment", "id": id, "probability": 0.5, "band": "review", "subject": id,
            "evidence": [{"signal": "R1_ROUTE_CN_LADING", "statement": id, "records": [id], "records_total": 1}]});
        let (position, input, comparison) = (id.to_owned(), id.to_owned(), id.to_owned());
        let explained = Explained { position, input, value, comparison, equal: true };
        let (page, memo) = (html(&explained), markdown(&explained));
        assert!(!page.contains("<img") && page.matches("records:&lt;img src=x&gt;|*b*").count() >= 7, "{page}");
        assert!(!memo.contains("<img") && memo.matches("records:&lt;img src=x>\\|\\*b\\*").count() == 7, "{memo}");
    }
}
