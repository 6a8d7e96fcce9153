//! A page of HTML that needs nothing beside it: no script, no font, no picture is fetched. Light and dark as the reader has it, and for paper.

mod chart;
mod square;

pub(super) use chart::{ChartMonth, Mark, Months, months};
pub(super) use square::{Dot, Line, against, reliability};

use maud::{DOCTYPE, Markup, PreEscaped, html};

/// How every page looks.
const STYLE: &str = include_str!("page.css");

/// A part of a page that can be jumped to.
pub(super) struct Section {
    /// Its anchor.
    pub(super) id: &'static str,
    /// Its heading.
    pub(super) title: &'static str,
    /// What stands in it.
    pub(super) body: Markup,
}

/// A page around what it shows, which is HTML: what `explain` writes, and all that has sections.
pub fn document(title: &str, body: &str) -> String {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                // Whatever a record's text holds, a reader's browser runs nothing and asks nobody.
                meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:";
                link rel="icon" href="data:,";
                title { (title) }
                style { (PreEscaped(STYLE)) }
            }
            body { (PreEscaped(body)) }
        }
    };
    page.into_string()
}

/// A page of sections.
pub(super) fn page(title: &str, summary: &Markup, sections: &[Section]) -> String {
    let body = html! {
        a.skip href="#content" { "Skip to the content" }
        header {
            h1 { (title) }
            (summary)
            nav aria-label="Sections" {
                @for section in sections { a href={ "#" (section.id) } { (section.title) } }
            }
        }
        main #content tabindex="-1" {
            @for section in sections {
                section aria-labelledby=(section.id) {
                    h2 #(section.id) { (section.title) }
                    (section.body)
                }
            }
        }
    };
    document(title, &body.into_string())
}

/// A table in a box of its own that scrolls sideways where the screen is narrow, by keyboard too.
pub(super) fn table(caption: &str, columns: &[&str], rows: impl Iterator<Item = Vec<Markup>>) -> Markup {
    html! {
        div.wide role="group" aria-label=(caption) tabindex="0" {
            table {
                caption { (caption) }
                thead { tr { @for column in columns { th scope="col" { (column) } } } }
                tbody {
                    @for row in rows {
                        tr {
                            @for (index, cell) in row.iter().enumerate() {
                                @if index == 0 { th scope="row" { (cell) } } @else { td { (cell) } }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// A share as a bar with its figure; a dash where there is none.
pub(super) fn share(value: Option<f64>) -> Markup {
    html! {
        @if let Some(value) = value {
            span.bar style={ "--share:" (format!("{:.1}%", 100.0 * value.clamp(0.0, 1.0))) } {}
            (format!("{value:.2}"))
        } @else { "–" }
    }
}

/// A number between the two ends of a scale on which nothing is 0, as a bar from there with its figure.
pub(super) fn signed(value: f64, (low, high): (f64, f64), class: &'static str) -> Markup {
    let (low, high) = (low.min(0.0), high.max(0.0));
    let at = |value: f64| if high > low { 100.0 * (value.clamp(low, high) - low) / (high - low) } else { 0.0 };
    html! {
        span.figure { (format!("{value:+.0}")) }
        span class={ "bar signed " (class) } style={ "--from:" (format!("{:.1}%", at(value.min(0.0)))) ";--to:" (format!("{:.1}%", at(value.max(0.0)))) } {}
    }
}

/// A figure of the head, with what stands beside it.
pub(super) fn tile(name: &str, value: &str, beside: &str) -> Markup {
    html! { div { dt { (name) } dd { (value) small { (beside) } } } }
}

/// A list that is folded away; nothing where it is empty.
pub(super) fn list(title: &str, items: &[String]) -> Markup {
    html! { @if !items.is_empty() { details { summary { (title) ": " (items.len()) } ul { @for item in items { li { (item) } } } } } }
}

/// Text as it is.
pub(super) fn text(text: impl AsRef<str>) -> Markup {
    html! { (text.as_ref()) }
}

/// Tonnes: whole from ten on, two figures below, nothing as 0.
pub(super) fn tonnes(value: f64) -> String {
    if value > 0.0 && value < 10.0 {
        return format!("{value:.1}");
    }
    let digits = format!("{value:.0}");
    let grouped = digits.as_bytes().rchunks(3).rev().map(String::from_utf8_lossy).collect::<Vec<_>>();
    grouped.join("\u{202f}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tonnes_are_read_easily() {
        assert_eq!(
            [0.0, 9.94, 10.0, 999.5, 1234.0, 1_234_567.0].map(tonnes),
            ["0", "9.9", "10", "1\u{202f}000", "1\u{202f}234", "1\u{202f}234\u{202f}567"]
        );
    }

    #[test]
    fn what_a_record_says_is_shown_and_never_run() {
        let body = text("<script>alert(1)</script>");
        let page = page("a & b", &html! {}, &[Section { id: "one", title: "One", body }]);
        assert!(page.contains("&lt;script&gt;alert(1)&lt;/script&gt;") && !page.contains("<script"), "{page}");
        assert!(page.contains("<title>a &amp; b</title>"), "{page}");
    }

    #[test]
    fn a_signed_bar_begins_at_nothing_whichever_way_it_goes() {
        let bar = |value, ends| signed(value, ends, "told").into_string();
        assert!(
            bar(-50.0, (-100.0, 100.0)).contains("-50</span>") && bar(-50.0, (-100.0, 100.0)).contains("--from:25.0%;--to:50.0%")
        );
        assert!(bar(50.0, (20.0, 100.0)).contains("--from:0.0%;--to:50.0%"));
        assert!(bar(-900.0, (-100.0, 100.0)).contains("--from:0.0%;--to:50.0%"));
        assert!(bar(0.0, (0.0, 0.0)).contains("--from:0.0%;--to:0.0%"));
    }

    #[test]
    fn a_share_is_never_wider_than_its_cell() {
        assert!(share(Some(2.0)).into_string().contains("--share:100.0%"));
        assert_eq!(share(None).into_string(), "–");
    }
}
