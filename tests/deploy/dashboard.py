"""Lint of deploy/grafana/entrepot.json, and of what rules and runbooks owe each other. Reads files alone."""

import json
import pathlib
import re
import sys

import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
ROWS = ["Flow", "Lag", "Transactions", "Verdicts", "State", "Kafka and snapshots", "Reference"]
ALERTS = ["Down", "Stalled", "Unassigned", "LagSeconds", "DeadLetterRatio", "FeedWaiting", "TransactionsRecycling", "ReferenceStale", "BandRateShift"]


def dashboard():
    return json.loads((ROOT / "deploy/grafana/entrepot.json").read_text())


def rules():
    groups = yaml.safe_load((ROOT / "deploy/prometheus/rules.yaml").read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


def faults_of_dashboard(board):
    panels = board["panels"]
    ids = [panel["id"] for panel in panels]
    yield from (f"panel id {one} is there twice" for one in sorted({one for one in ids if ids.count(one) > 1}))
    rows = [panel["title"] for panel in panels if panel["type"] == "row"]
    if rows != ROWS:
        yield f"rows are {rows}, not {ROWS}"
    variables = {variable["name"] for variable in board["templating"]["list"]}
    yield from (f"variable {name} is missing" for name in {"datasource", "job", "instance"} - variables)
    places = set()
    for panel in panels:
        grid = panel["gridPos"]
        cells = {(x, y) for x in range(grid["x"], grid["x"] + grid["w"]) for y in range(grid["y"], grid["y"] + grid["h"])}
        if cells & places or grid["x"] + grid["w"] > 24:
            yield f"{panel['title']}: lies over another panel, or over the edge"
        places |= cells
        if panel["type"] != "row":
            yield from (f"{panel['title']}: {fault}" for fault in faults_of_panel(panel))


def faults_of_panel(panel):
    if len(panel.get("description", "")) < 20:
        yield "has no description"
    if not panel["fieldConfig"]["defaults"].get("unit"):
        yield "has no unit"
    if not panel.get("targets"):
        yield "asks nothing"
    refs = [target["refId"] for target in panel.get("targets", [])]
    if len(set(refs)) < len(refs):
        yield "has a refId twice"
    for holder in [panel, *panel.get("targets", [])]:
        if holder.get("datasource", {}).get("uid") != "${datasource}":
            yield "does not use the variable of the data source"
    for target in panel.get("targets", []):
        expr = target["expr"]
        selectors = re.findall(r"\b(?:entrepot|process)_\w+(\{[^}]*\})?|\bup(\{[^}]*\})", expr)
        for selector in ("".join(pair) for pair in selectors):
            if 'job="$job"' not in selector or 'instance=~"$instance"' not in selector:
                yield f"a selector does not look at $job and $instance: {expr}"
        if "irate(" in expr:
            yield "irate shows two samples and hides the rest"


def faults_of_rules(rules):
    seen = {rule["alert"] for rule in rules}
    wanted = {f"Entrepot{name}" for name in ALERTS}
    yield from (f"alert {name} is missing, or unknown here" for name in seen ^ wanted)
    linked = set()
    for rule in rules:
        name, annotations = rule["alert"], rule["annotations"]
        if rule["labels"]["severity"] not in ("page", "ticket"):
            yield f"{name}: severity is page or ticket"
        yield from (f"{name}: has no {key}" for key in ("summary", "description", "runbook_url") if not annotations.get(key))
        kebab = re.sub(r"(?<!^)(?=[A-Z])", "-", name.removeprefix("Entrepot")).lower()
        page = ROOT / "docs/runbooks" / f"{kebab}.md"
        linked.add(page)
        if annotations.get("runbook_url") != f"docs/runbooks/{kebab}.md" or not page.is_file():
            yield f"{name}: its runbook is not docs/runbooks/{kebab}.md"
            continue
        text = page.read_text()
        needed = [f"# {name}", "**What it means.**", "**First looks**", "**What to do", "**Afterwards.**"]
        if name == "EntrepotDown":
            needed[3] = "| exit | do |"
        yield from (f"{page.name}: lacks {part}" for part in needed if part not in text)
        for link in re.findall(r"\]\(([^)]+)\)", text):
            if not (page.parent / link).is_file():
                yield f"{page.name}: leads to {link}, which is not there"
    yield from (f"{page.name}: no alert leads here" for page in set((ROOT / "docs/runbooks").glob("*.md")) - linked)


def main():
    faults = [*faults_of_dashboard(dashboard()), *faults_of_rules(rules())]
    sys.exit("\n".join(faults) or 0)


if __name__ == "__main__":
    main()
