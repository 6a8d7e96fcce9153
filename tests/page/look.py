#!/usr/bin/env python3
"""Looks at a page in a headless Chromium as its readers do, and says what is wrong with it; exit 1 where anything is.

    look.py PAGE.html FOLDER    pictures (light, dark, narrow) and the printed page go to FOLDER

Nothing is fetched, the console stays empty, axe-core finds nothing in light and dark, every chart has a name, every row of a table has a cell
under each heading, a keyboard reaches and opens all that can be opened, nothing is cut off on a telephone, and paper shows what a screen folds
away, and the colours of its keys.
"""

import shutil
import sys
from pathlib import Path

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import sync_playwright

PAGE, FOLDER = Path(sys.argv[1]).resolve(), Path(sys.argv[2])
wrong = []

# Tables of which a row has more or fewer cells than there are headings, by name: its figures would be read under headings that are not theirs.
UNEVEN_TABLES = """[...document.querySelectorAll('table')].flatMap(table => {
    const headings = table.tHead.rows[0].cells.length;
    const row = [...table.tBodies].flatMap(body => [...body.rows]).find(row => row.cells.length !== headings);
    return row ? [`${table.caption.textContent}: ${headings} headings over a row of ${row.cells.length} cells`] : [];
})"""


def check(is_so, what):
    """Keeps what is not so."""
    if not is_so:
        wrong.append(what)


def opened(browser, **how):
    """The page in a context of its own, listened to."""
    page = browser.new_context(**how).new_page()
    page.on("console", lambda message: wrong.append(f"console: {message.text}"))
    page.on("pageerror", lambda error: wrong.append(f"error: {error}"))
    page.on("request", lambda request: check(request.url in (PAGE.as_uri(), "data:,"), f"fetched {request.url}"))
    page.goto(PAGE.as_uri())
    return page


def looked_at(browser, scheme):
    """Colours, names and pictures of a colour scheme."""
    page = opened(browser, color_scheme=scheme, viewport={"width": 1100, "height": 900})
    page.screenshot(path=FOLDER / f"{scheme}.png", full_page=True)
    for chart in page.query_selector_all("svg"):
        name = chart.evaluate("svg => document.getElementById(svg.getAttribute('aria-labelledby'))?.textContent")
        check(chart.get_attribute("role") == "img" and len(name or "") > 20, f"{scheme}: a chart without a name")
    check(page.query_selector_all("svg rect, svg circle"), f"{scheme}: nothing is drawn")
    wrong.extend(f"{scheme}: {table}" for table in page.evaluate(UNEVEN_TABLES))
    # What is folded away is looked at too.
    page.evaluate("document.querySelectorAll('details').forEach(details => details.open = true)")
    for violation in Axe().run(page).response["violations"]:
        nodes = "; ".join(node["html"][:120] for node in violation["nodes"][:3])
        wrong.append(f"{scheme}: {violation['id']}: {violation['help']}: {nodes}")
    return page.evaluate("getComputedStyle(document.body).backgroundColor")


def by_keyboard(page):
    """Tab and Enter reach and open everything."""
    page.keyboard.press("Tab")
    check(page.evaluate("document.activeElement.className") == "skip", "the first stop is not the link to the content")
    page.keyboard.press("Enter")
    check(page.evaluate("document.activeElement.id") == "content", "that link does not lead to the content")
    folded = page.evaluate("document.querySelectorAll('details').length")
    reached = 0
    for _ in range(10 * folded + 200):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement === document.body"):
            break
        if page.evaluate("document.activeElement.tagName === 'SUMMARY' && !document.activeElement.parentElement.open"):
            page.keyboard.press("Enter")
            reached += page.evaluate("document.activeElement.parentElement.open")
    check(folded and reached == folded, f"{reached} of {folded} folded parts open by keyboard")


def on_paper(page):
    """What a screen folds away is printed."""
    page.emulate_media(media="print")
    hidden = page.evaluate(
        "[...document.querySelectorAll('details > *:last-child')]"
        ".filter(part => !part.checkVisibility() || part.getBoundingClientRect().height === 0).length"
    )
    check(hidden == 0, f"{hidden} folded parts are not printed")
    # A printer leaves out backgrounds, unless they are said to tell something: the keys of charts, and bars.
    unprinted = page.evaluate(
        "[...document.querySelectorAll('.key span')].map(name => getComputedStyle(name, '::before'))"
        ".concat([...document.querySelectorAll('.bar')].map(bar => getComputedStyle(bar)))"
        ".filter(style => style.printColorAdjust !== 'exact').length"
    )
    check(unprinted == 0, f"{unprinted} colours of keys and bars are not printed")
    page.pdf(path=FOLDER / "page.pdf", format="A4")


def main():
    """All of it."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        light, dark = looked_at(browser, "light"), looked_at(browser, "dark")
        check(light != dark, f"light and dark are both {light}")
        narrow = opened(browser, viewport={"width": 390, "height": 800})
        narrow.screenshot(path=FOLDER / "narrow.png", full_page=True)
        wide = narrow.evaluate("document.documentElement.scrollWidth")
        check(wide <= 390, f"a screen of 390 pixels has to be scrolled to {wide}")
        by_keyboard(opened(browser))
        on_paper(opened(browser))
        browser.close()
    print("\n".join(wrong) if wrong else "nothing is wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
