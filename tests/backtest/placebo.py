#!/usr/bin/env python3
"""Dates on which nothing happened: China's real exports by month are first legs, second legs are drawn from other real series and know nothing
of them, and the real controls stand in the bundle some years before they came. Whatever speaks of rerouting there is wrong.

    placebo.py [--entrepot PROGRAM]            writes docs/placebo.csv, and docs/evaluation.md of it
    placebo.py --quick --out FILE              a small one, for the tests

Needs the large data sets, as tests/support/data.rs does: beside the repository in ../shared, or where ENTREPOT_SHARED says. Exit 3 without."""

import csv
import datetime
import json
import os
import shutil
import sys
import tempfile
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np

import page
from program import Program, arguments

ROOT = Path(__file__).resolve().parents[2]
BUNDLE = ROOT / "config/reference"
SERIES = "data/china-exports-comtrade-monthly/deep_dive_hs6_monthly.csv"
FIRST, MONTHS = 2018, 60
GOODS = {"250410": "C_NAT", "380110": "C_ART", "811292": "H811292"}
FAMILIES = {"C_NAT", "C_ART", "GA", "GE"}
DESTINATIONS = ("US", "JP", "DE", "KR")
# Years by which the controls of 2023 and 2024 are moved: graphite is controlled from December 2019, 2020, 2021, gallium from August.
YEARS = (4, 3, 2)
# Months of a second leg that stay together; the last keeps a whole series.
BLOCKS = (6, 12, 60)
SEEDS = (1, 2, 3)
# Of those months so many have to be told: below it growth is mostly gaps.
TOLD_MIN = 36
# Where something is planted, to see that the test can speak at all, both legs of every fourth intermediary rise so many times: of all at once
# it would be demand.
PLANTED, EVERY = 6, 4
BANDS = ("none", "watch", "review", "priority")
COLUMNS = [
    *("group", "corridors", "first_legs", "corridor_months", "tested", "watch", "watch_low", "watch_high", "watch_end"),
    *("review", "review_low", "review_high", "review_end", "watch_of_tested", "review_of_tested", "spoke"),
    *("version", "model", "date"),
]


def month(index):
    return f"{FIRST + index // 12}-{index % 12 + 1:02}"


def countries():
    names = {}
    for row in csv.DictReader(open(BUNDLE / "countries.csv", encoding="utf-8")):
        names |= {name: row["id"] for name in (row["name"], *row["names"].split("|")) if name}
    return names


def china(root):
    """Kilograms of China's exports by subheading and country, month by month; NaN where no mass is told."""
    names, series = countries(), {}
    for row in csv.DictReader(open(root / SERIES, encoding="utf-8")):
        index = (int(row["period_dt"][:4]) - FIRST) * 12 + int(row["period_dt"][5:7]) - 1
        if 0 <= index < MONTHS and float(row["qty"] or 0) > 0:
            key = (row["hs6"], names[row["partner_name"]])
            series.setdefault(key, np.full(MONTHS, np.nan))[index] = float(row["qty"])
    return {key: row for key, row in series.items() if key[1] != "HK"}


def second_leg(donors, block, rng):
    """Months of another real series, in blocks from any year that begin in the same month of it: seasons stay, and so does the level."""
    donor = donors[rng.integers(len(donors))]
    leg = np.full(MONTHS, np.nan)
    for at in range(0, MONTHS, block):
        size = min(block, MONTHS - at)
        starts = [start for start in range(at % 12, MONTHS - size + 1, 12)]
        start = starts[rng.integers(len(starts))]
        leg[at : at + size] = donor[start : start + size]
    return leg


def lags():
    return {row["reporter"]: int(row["days"]) for row in csv.DictReader(open(BUNDLE / "lags.csv", encoding="utf-8"))}


def record(reporter, flow, partner, hs, index, kg, lag):
    following = datetime.date(FIRST + (index + 1) // 12, (index + 1) % 12 + 1, 1)
    known = following + datetime.timedelta(days=lag - 1)
    return {
        **{"kind": "trade_flow", "reporter": reporter, "partner": partner, "flow": flow, "period": month(index), "hs": hs},
        **{"net_mass_kg": round(float(kg), 3), "known_from": f"{known}T00:00:00Z"},
    }


def write_records(path, legs):
    """What the offices would have published, each with its lag."""
    days = lags()
    rows = []
    for (reporter, flow, partner, hs), leg in legs.items():
        for index in np.flatnonzero(leg > 0):
            rows.append(record(reporter, flow, partner, hs, int(index), leg[index], days.get(reporter, 60)))
    rows.sort(key=lambda row: row["known_from"])
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def moved(text, years):
    """A day so many years before; the end of February stays its end."""
    if not text:
        return text
    year, rest = text.split("-", 1)
    return f"{int(year) - years}-{'02-28' if rest == '02-29' else rest}"


def write_bundle(folder, years, as_bans):
    """The reference bundle with the export controls of these goods moved; duties and measures of others stay out, since the tariffs of
    2018 and 2019 were real. As bans, every licence is a ban of all goods of its lines, which is the strongest motive there is. Gives the
    first day of each good's control."""
    shutil.copytree(BUNDLE, folder)
    rows = list(csv.DictReader(open(BUNDLE / "controls.csv", encoding="utf-8")))
    dates = ["announced", "effective", "suspended_from", "suspended_until", "suspension_known_from"]
    dates += ["ended", "ended_known_from", "known_from"]
    kept = [row for row in rows if row["id"].startswith("CN-") and FAMILIES & set(row["families"].split(";"))]
    with open(folder / "controls.csv", "w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, rows[0].keys(), lineterminator="\n")
        table.writeheader()
        for row in kept:
            stricter = {"kind": "ban", "partial_hs6": ""} if as_bans and row["kind"] == "licence" else {}
            table.writerow(row | {name: moved(row[name], years) for name in dates} | stricter)
    duties = (BUNDLE / "duties.csv").read_text(encoding="utf-8").splitlines(keepends=True)
    (folder / "duties.csv").write_text(duties[0], encoding="utf-8")
    binding = [row for row in kept if row["kind"] in ("ban", "licence")]
    names = {row["id"]: set(row["hs6"].replace(":", ";").split(";")) for row in binding}
    return {hs: min(moved(row["effective"], years) for row in binding if hs in names[row["id"]]) for hs in GOODS}


def legs_of(real, goods, seed, block, started, small):
    """First legs as they were; a second leg for each intermediary and destination. Where `started` is given, both are higher from then on for
    some intermediaries: which, is the second answer."""
    legs, planted = {}, set()
    for number, hs in enumerate(goods):
        told = {c: row for (code, c), row in real.items() if code == hs and np.isfinite(row).sum() >= TOLD_MIN}
        destinations = DESTINATIONS[:2] if small else DESTINATIONS
        intermediaries = [m for m in sorted(told) if m not in DESTINATIONS][: 4 if small else None]
        raised = np.ones(MONTHS)
        if started:
            raised[(int(started[hs][:4]) - FIRST) * 12 + int(started[hs][5:7]) - 1 :] = PLANTED
            planted |= {(GOODS[hs], m) for m in intermediaries[::EVERY]}
        for m in [*intermediaries, *destinations]:
            if (hs, m) in real:
                legs["CN", "export", m, hs] = real[hs, m] * (raised if (GOODS[hs], m) in planted else 1)
        for place, m in enumerate(intermediaries):
            for d in destinations:
                donors = [row for c, row in sorted(told.items()) if c not in (m, d)]
                rng = np.random.default_rng([seed, block, number, place, DESTINATIONS.index(d)])
                legs[d, "import", m, hs] = second_leg(donors, block, rng) * (raised if (GOODS[hs], m) in planted else 1)
    return legs, planted


def assessed(program, records, bundle):
    """Of each corridor-month the highest band it ever had, the last, whether the test could be made, and what spoke when it was highest."""
    history = ["assess", records, "--as", "canonical", "--only", "corridors", "--history", "--format", "ndjson"]
    output = program.run("--set", f"reference.path={bundle}", *history)
    months = {}
    for line in output.splitlines():
        verdict = json.loads(line)
        band = BANDS.index(verdict["band"])
        of = months.setdefault(verdict["id"], {"highest": -1, "tested": False})
        of["last"] = band
        of["tested"] |= verdict["coverage"]["time"] == "observed"
        of["model"] = verdict["provenance"]["model"]
        if band > of["highest"]:
            of["highest"] = band
            of["spoke"] = "+".join(spoke["signal"] for spoke in verdict["evidence"] if spoke["counted"] > 0) or "the prior"
    return months


def said(run, months, started):
    """Rows of a run, one for each corridor-month of a corridor that was made; from the control on the test can be asked for."""
    rows = []
    for name, of in months.items():
        family, m, d, when = name.split("/")
        hs = next((hs for hs, family_of in GOODS.items() if family_of == family), None)
        if hs is None:
            sys.exit(f"{name}: a family that was not meant")
        if m == "CN":
            continue
        after = when >= started[hs][:7]
        rows.append(run | of | {"family": family, "m": m, "d": d, "after": after and of["tested"]})
    return rows


def interval(rows, holds, draws=1000):
    """90 % over draws of whole first legs: corridors that share one are no separate evidence."""
    by = defaultdict(lambda: [0, 0])
    for row in rows:
        of = by[row["family"], row["m"]]
        of[0] += holds(row)
        of[1] += 1
    counts = np.array([by[key] for key in sorted(by)])
    rng = np.random.default_rng(1)
    drawn = counts[rng.integers(len(counts), size=(draws, len(counts)))].sum(axis=1)
    return np.quantile(drawn[:, 0] / drawn[:, 1], [0.05, 0.95])


def summary(group, rows):
    def share(rows, name, band):
        return sum(row[name] >= band for row in rows) / len(rows) if rows else ""

    tested = [row for row in rows if row["after"]]
    spoke = Counter(row["spoke"] for row in rows if row["highest"] >= 1)
    of = {"group": group, "corridors": len({(row["family"], row["m"], row["d"]) for row in rows})}
    of |= {"first_legs": len({(row["family"], row["m"]) for row in rows}), "corridor_months": len(rows)}
    of |= {"tested": len(tested)}
    for name, band in (("watch", 1), ("review", 2)):
        low, high = interval(rows, lambda row, band=band: row["highest"] >= band)
        of |= {name: share(rows, "highest", band), f"{name}_low": low, f"{name}_high": high}
        of[f"{name}_end"] = share(rows, "last", band)
        of[f"{name}_of_tested"] = share(tested, "highest", band)
    return of | {"spoke": "; ".join(f"{name} {n}" for name, n in spoke.most_common())}


def main():
    of = arguments("docs/placebo.csv")
    root = Path(os.environ.get("ENTREPOT_SHARED", ROOT / "../shared"))
    if not (root / SERIES).exists():
        print(f"NOT TESTED: {SERIES} is not there; set ENTREPOT_SHARED to the folder that holds data/", file=sys.stderr)
        sys.exit(3)
    real = china(root)
    years, blocks, seeds, goods = YEARS, BLOCKS, SEEDS, list(GOODS)
    if of.quick:
        years, blocks, seeds, goods = YEARS[:1], BLOCKS[:1], SEEDS[:1], ["250410"]
    rows, bans, planted, planted_bans = [], [], [], []
    with tempfile.TemporaryDirectory() as work:
        program, records = Program(of.entrepot, work), Path(work) / "records.ndjson"
        for shift in years:
            bundle, strict = Path(work) / f"bundle-{shift}", Path(work) / f"bans-{shift}"
            started = write_bundle(bundle, shift, False)
            write_bundle(strict, shift, True)
            for seed in seeds:
                for block in blocks:
                    legs, _ = legs_of(real, goods, seed, block, None, of.quick)
                    write_records(records, legs)
                    run = {"years": shift, "block": block, "seed": seed}
                    rows += said(run, assessed(program, records, bundle), started)
                    if block in (blocks[0], blocks[-1]):
                        bans += said(run, assessed(program, records, strict), started)
                    print(f"moved by {shift} years, blocks of {block}, seed {seed}: {len(rows)} so far", file=sys.stderr)
            legs, where = legs_of(real, goods, seeds[0], blocks[0], started, of.quick)
            write_records(records, legs)
            run = {"years": shift, "block": blocks[0], "seed": seeds[0]}
            for to, chosen in ((planted, bundle), (planted_bans, strict)):
                made = said(run, assessed(program, records, chosen), started)
                to += [row for row in made if (row["family"], row["m"]) in where]
    main_rows = [row for row in rows if row["block"] == blocks[0]]
    groups = [("all", main_rows)]
    groups += [(f"family {name}", [row for row in main_rows if row["family"] == name]) for name in GOODS.values()]
    groups += [(f"destination {d}", [row for row in main_rows if row["d"] == d]) for d in DESTINATIONS]
    groups += [(f"moved by {shift} years", [row for row in main_rows if row["years"] == shift]) for shift in years]
    groups += [(f"blocks of {block} months", [row for row in rows if row["block"] == block]) for block in blocks]
    for block in dict.fromkeys((blocks[0], blocks[-1])):
        groups.append((f"as bans: blocks of {block} months", [row for row in bans if row["block"] == block]))
    groups += [("planted", planted), ("planted as bans", planted_bans)]
    common = {"version": program.version(), "model": rows[0]["model"], "date": datetime.date.today().isoformat()}
    page.write_rows(of.out, COLUMNS, [summary(name, of) | common for name, of in groups if of])
    if Path(of.out) == ROOT / "docs/placebo.csv":
        page.write()
    print(f"{len(rows)} corridor-months, {len(planted)} planted, in {of.out}")


if __name__ == "__main__":
    main()
