#!/usr/bin/env python3
"""docs/evaluation.md of docs/worlds.csv and docs/placebo.csv.

    page.py            writes it
    page.py --check    exit 1 where it is another
"""

import csv
import sys
from pathlib import Path
from statistics import mean

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs/evaluation.md"

WORDS = {
    "service": "entrepot",
    "prior": "prior alone",
    "min_flow": "min-flow",
    "growth": "growth > 100 %",
    "both_legs": "smaller growth of both legs",
    "tree": "ceiling: tree of all records",
    "tree_of_growth": "ceiling: tree of growth alone",
    "tree_of_evidence": "ceiling: tree of entrepot's evidence",
}

SHOWN = ("average_precision", "precision_at_positives", "brier", "budget_precision", "budget_recall")

HEAD = """# How well it judges, measured

Written by `tests/backtest/page.py` from `worlds.csv` and `placebo.csv`; a test holds them equal. The figures are reported as they
came: no weight, no threshold and no world was changed after they were seen.

```sh
cargo build --release --locked
scripts/python tests/backtest/worlds.py      # a quarter of an hour; writes docs/worlds.csv and this page
scripts/python tests/backtest/placebo.py     # some minutes; needs the large data sets beside the repository
```
"""

WORLDS = """
## Simulated worlds

Wide worlds of {records} records (`simulate.md`: all schemes, medium difficulty, honesty 0.4, July 2022 to June 2025), seeds {seeds}; each
lane is a case, judged on the day after the last record became known. Mean over the seeds, in brackets the lowest and the highest.
Measured with version {version} on {date}, model `{model}`.

- *n* is the lanes with a scheme, of all lanes, by seed. With one or two of them, as at 2 %, every figure is coarse: see the range.
- *Average precision* by chance is the prevalence. *Precision at n*: of the n highest cases, those with a scheme.
- An honest lane is judged by its highest month of 36, one with a scheme by the months of the scheme: that counts against every method but the
  trees.
- *At the budget*: 25 corridor-months a week, as `backtest.md` counts them; a lane may be right many times. Recall is of schemes.
- *Ceiling*: boosted trees (scikit-learn, fixed settings) trained on {trained_on},
  of other seeds and all three prevalences, weighted to the one in question. They see the whole history of a lane at once and were trained on
  worlds of the very kind that they are judged on; on real trade nobody could train them. They are no part of the product.
  - *Of all records*: 57 figures of a lane (`tests/backtest/features.py`): levels and growth of both legs, other supply, gaps between the two
    reports, firms, boxes, ports. It learns the simulator as much as rerouting: how far each story rises, and that some schemes are of one firm. Of
    real trade that would not hold; entrepot has no signal of firms.
  - *Of growth alone*: eight figures, of the kind that rules go by. It too learns how far each story rises, which the simulator draws from
    narrow ranges.
  - *Of entrepot's evidence*: what the signals said of the lane, combined by training instead of by the model's weights.

| prevalence | n | method | average precision | precision at n | Brier score | at the budget: precision | recall |
|---|---|---|---|---|---|---|---|
"""

PLACEBO = """
## Placebo dates

{first_legs} first legs are China's real monthly exports of natural graphite, artificial graphite and the basket 8112.92 from 2018 to 2022,
before any control on them. The {corridors} second legs into {destinations} destinations are drawn from other real series of the same good: blocks of
{block} months from any year that begin in the same month of it, at the level of the series they come from, independent of the first leg.
The controls of 2023 and 2024 stand in a copy of the bundle two, three and four years too early, each a run of its own, with three seeds.
Every row has the publication lag of its office. Whatever is said above `none` is wrong. Measured with version {version} on {date}.

The aim: 1 % of corridor-months at `watch` or more, none at `review` or more. *Ever*: the highest that any revision said; *at the end*: as
the last one left it. *Tested*: corridor-months from the moved control on in which the surge could be tested; before it nothing can be said.
Intervals hold 90 % of a thousand draws of whole first legs.

| what | corridors | corridor-months | `watch` ever | at the end | `review` ever | at the end | tested | `watch` | `review` | spoke at `watch` |
|---|---|---|---|---|---|---|---|---|---|---|
"""

PLACEBO_END = """
How high it can come: the surge counts 2.5 at most, on the prior of 2 % and a licence for part of a line (graphite) that gives 0.27, of a
whole line 0.36, and for a ban 0.53. So where licences were moved, none at `review` is so by the weights, and no finding. *As bans* every
licence is a ban of all goods of its lines: there `review` can be reached.

*Planted* is no placebo: with the first seed both legs of every fourth intermediary rise sixfold with the moved control, to show that the
test can speak at all.

What this cannot show:

- Second legs of real trade hang together with first legs through prices, demand and the firms that carry both. Here they do not, so real
  false alarms may be more.
- Blocks break what lasts longer than they do: that makes some rises that no series had, and ends others. The rows by length of block show
  how much it matters; blocks of 60 months are whole series, as they were.
- A second leg that is drawn has no supply behind it, so a balance of it would mean nothing: nobody's imports from elsewhere are among the
  records, and the mass balance (C1) is silent. There are no shipments, so R1 is as well. What is measured is the surge (T1) on its prior.
- The basket holds several metals. China's reports of the time may hold rerouting that nobody knows of.
"""


def write_rows(path, columns, rows):
    def cell(value):
        return f"{value:.6f}" if isinstance(value, float) else value

    with open(path, "w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, columns, lineterminator="\n")
        table.writeheader()
        table.writerows({name: cell(value) for name, value in row.items()} for row in rows)


def read(name):
    return list(csv.DictReader(open(ROOT / "docs" / name, encoding="utf-8")))


def spread(rows, name):
    values = [float(row[name]) for row in rows if row[name]]
    places = 3 if "brier" in name else 2
    return f"{mean(values):.{places}f} ({min(values):.{places}f}–{max(values):.{places}f})" if values else "–"


def worlds(rows):
    first = rows[0]
    seeds = sorted({int(row["seed"]) for row in rows})
    about = {name: first[name] for name in ("version", "date", "trained_on")}
    about |= {"model": first["model"][:19], "records": f"{int(first['records']):,}", "seeds": ", ".join(map(str, seeds))}
    text = WORLDS.format(**about)
    for prevalence in dict.fromkeys(row["prevalence"] for row in rows):
        of = [row for row in rows if row["prevalence"] == prevalence]
        one = [row for row in of if row["method"] == "service"]
        n = f"{' + '.join(row['positives'] for row in one)} of {' + '.join(row['cases'] for row in one)}"
        for method, words in WORDS.items():
            own = [row for row in of if row["method"] == method]
            cells = [spread(own, name) for name in SHOWN]
            text += f"| {prevalence} | {n} | {words} | {' | '.join(cells)} |\n"
        by_chance = spread([{"p": int(row["positives"]) / int(row["cases"]) or ""} for row in one], "p")
        brier = spread(one, "brier_of_prevalence")
        text += f"| {prevalence} | {n} | always the prevalence | {by_chance} | {by_chance} | {brier} | – | – |\n"
    text += "\nCases that entrepot ever held for `review` or more, of the schemes; and of the honest lanes at the decision:\n\n"
    for row in rows:
        if row["method"] == "service":
            honest = int(row["cases"]) - int(row["positives"])
            text += f"- prevalence {row['prevalence']}, seed {row['seed']}: "
            text += f"{row['found']} of {row['positives']}; {row['false_positives']} of {honest}\n"
    return text


def percent(text):
    return f"{100 * float(text):.2f} %" if text else "–"


def placebo(rows):
    whole, block = rows[0], next(row["group"].split()[2] for row in rows if row["group"].startswith("blocks"))
    destinations = sum(row["group"].startswith("destination") for row in rows)
    about = {name: whole[name] for name in ("first_legs", "corridors", "version", "date")}
    text = PLACEBO.format(**about, destinations=destinations, block=block)
    for row in rows:
        cells = [row["group"], row["corridors"], row["corridor_months"]]
        for name in ("watch", "review"):
            low, high = percent(row[f"{name}_low"]), percent(row[f"{name}_high"])
            cells += [f"{percent(row[name])} ({low}–{high})", percent(row[f"{name}_end"])]
        cells += [row["tested"], percent(row["watch_of_tested"]), percent(row["review_of_tested"]), row["spoke"] or "–"]
        text += f"| {' | '.join(cells)} |\n"
    return text + "\n" + aim(rows) + PLACEBO_END


def aim(rows):
    """Whether the aim is met: 1 % at watch and none at review, of whatever is a placebo."""
    missed = [
        f"{row['group']} ({percent(row['watch'])} and {percent(row['review'])})"
        for row in rows
        if not row["group"].startswith("planted") and (float(row["watch"]) > 0.01 or float(row["review"]) > 0)
    ]
    if not missed:
        return "The aim is met in every row.\n"
    return f"The aim is missed in: {'; '.join(missed)}. It is met in every other row.\n"


def text():
    parts = [HEAD]
    for name, section in (("worlds.csv", worlds), ("placebo.csv", placebo)):
        if (ROOT / "docs" / name).exists():
            parts.append(section(read(name)))
    return "".join(parts)


def write():
    PAGE.write_text(text(), encoding="utf-8")


if __name__ == "__main__":
    if sys.argv[1:] == ["--check"]:
        if PAGE.read_text(encoding="utf-8") != text():
            sys.exit("docs/evaluation.md is not what docs/worlds.csv and docs/placebo.csv say: scripts/python tests/backtest/page.py")
        print("docs/evaluation.md is what its tables say")
    else:
        write()
