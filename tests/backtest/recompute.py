#!/usr/bin/env python3
"""Computes the figures of `entrepot backtest --format json` anew from its cases, with scikit-learn, and what a weekly budget finds from the
verdicts themselves; exit 1 where one differs. Of the rules, which publish no verdicts, the budget is not computed.

    recompute.py REPORT.json VERDICTS.ndjson    prints how many figures agree to 1e-9

VERDICTS is what `entrepot assess --only corridors --history --format ndjson` says of the same records until the same day.
"""

import datetime
import json
import math
import statistics
import sys
import tomllib
from pathlib import Path

import numpy as np
from sklearn.metrics import average_precision_score, brier_score_loss

NEAR = 1e-9
MODEL = Path(__file__).resolve().parents[2] / "config/model.toml"
MASK = (1 << 64) - 1
GAMMA = 0x9E3779B97F4A7C15


class Draw:
    """SplitMix64, seeded and bounded as the product does it."""

    def __init__(self, seed, path):
        self.state = self.mix((seed + GAMMA) & MASK)
        for step in path:
            self.state = self.mix(((self.state + GAMMA) & MASK) ^ self.mix((step + GAMMA) & MASK))

    @staticmethod
    def mix(z):
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
        return z ^ (z >> 31)

    def below(self, bound):
        self.state = (self.state + GAMMA) & MASK
        return (self.mix(self.state) * bound) >> 64


def interval(clusters, figure):
    """The ends of the 90 % interval over a thousand draws of whole cases, or None twice."""
    if len(clusters) < 2:
        return None, None
    draw = Draw(1, [len(clusters)])
    drawn = []
    for _ in range(1000):
        items = [item for _ in clusters for item in clusters[draw.below(len(clusters))]]
        value = figure(items)
        if value is not None:
            drawn.append(value)
    if len(drawn) < 900:
        return None, None
    drawn.sort()
    return drawn[(len(drawn) - 1) * 50 // 1000], drawn[(len(drawn) - 1) * 950 // 1000]


def clusters_of(cases, is_one=lambda index: True):
    """Of those cases that are meant, those of one name together, in the order of the table."""
    names = {}
    for index, case in enumerate(cases):
        if is_one(index):
            names.setdefault(case["case"], []).append(index)
    return list(names.values())


def looked_at(verdicts, decided, per_week):
    """Which corridor-months are looked at, and in how many weeks: `verdicts` as (day, id, score)."""
    verdicts = sorted((day, name, score) for day, name, score in verdicts if day < decided)
    floor = tomllib.loads(MODEL.read_text(encoding="utf-8"))["bands"]["watch"] / 1000
    monday = verdicts[0][0] - datetime.timedelta(verdicts[0][0].weekday())
    now, seen, weeks, place = {}, set(), 0, 0
    while monday < decided:
        monday += datetime.timedelta(7)
        while place < len(verdicts) and verdicts[place][0] < monday:
            now[verdicts[place][1]] = verdicts[place][2]
            place += 1
        open_ones = [(-score, name.split("/"), name) for name, score in now.items() if score >= floor and name not in seen]
        seen.update(name for *_, name in sorted(open_ones)[:per_week])
        weeks += 1
    return seen, weeks


def months_of(case, names):
    """The corridor-months of a case of one family."""
    family = case.get("highest", "").split("/")[0]
    first, last = case["months"]
    parts = [(name, name.split("/")) for name in names]
    return {
        name
        for name, (of, m, d, month) in parts
        if of == family and m in case["intermediaries"] and d in case["destinations"] and first <= month <= last
    }


def groups_of(scores):
    """Which cases lie in each of ten groups: a group is what lies between two scores, so what was found cannot part equal ones."""
    ranked = np.sort(scores)
    sizes = [len(part) for part in np.array_split(ranked, min(10, len(ranked)) or 1)]
    upto = np.unique([ranked[end - 1] for end in np.cumsum(sizes) if end])
    return [(scores > low) & (scores <= high) for low, high in zip([-np.inf, *upto], upto)]


def main():
    report = json.load(open(sys.argv[1], encoding="utf-8"))
    judged = [case for case in report["cases"] if "is_rerouting" in case]
    found = np.array([case["is_rerouting"] for case in judged], dtype=int)
    wrong, checked = [], 0

    def same(name, said, wanted):
        nonlocal checked
        checked += 1
        if (said is None) != (wanted is None) or (said is not None and abs(said - wanted) > NEAR):
            wrong.append(f"{name}: {said}, recomputed {wanted}")

    def measured(name, said, clusters, figure):
        everything = figure([item for cluster in clusters for item in cluster])
        said = said or {}
        same(name, said.get("value"), everything)
        if everything is not None:
            low, high = interval(clusters, figure)
            same(name + " low", said.get("low"), low)
            same(name + " high", said.get("high"), high)

    # However many rows of the table tell a case, it is one for each finding.
    told = {(case["case"], case.get("is_rerouting")) for case in report["cases"]}
    same("cases", len(report["cases"]), len(told))
    same("prevalence", report.get("prevalence"), found.mean() if len(found) else None)
    clusters = clusters_of(judged)
    verdicts = [json.loads(line) for line in open(sys.argv[2], encoding="utf-8")]
    names = {verdict["id"] for verdict in verdicts}
    corridors = [months_of(case, names) for case in judged]
    for case, months in zip(judged, corridors):
        same(f"corridor-months of {case['case']}", case["corridor_months"], len(months))

    def budget(method, said):
        if method not in ("service", "prior"):
            return
        def score(verdict):
            return verdict["probability"] if method == "service" else 1 / (1 + math.exp(-verdict["prior"] / 1000))

        days = [(datetime.date.fromisoformat(verdict["as_of"]), verdict["id"], score(verdict)) for verdict in verdicts]
        after_last = datetime.date.fromisoformat(report["last_record"]) + datetime.timedelta(1)
        until = min(datetime.date.fromisoformat(report["decided"]), after_last)
        looked, weeks = looked_at(days, until, said["per_week"])
        hits = np.array([len(months & looked) for months in corridors])
        tonnes = np.array([case.get("tonnes", 0.0) for case in judged])
        weighs = np.array(["tonnes" in case for case in judged]) * found
        same(f"{method} weeks", said["weeks"], weeks)
        same(f"{method} looked at", said["looked_at"], len(looked))
        same(f"{method} right", said["right"], hits[found == 1].sum())
        same(f"{method} wrong", said["wrong"], hits[found == 0].sum())
        right = np.where(found == 1, hits, 0)
        met, positives = clusters_of(judged, lambda index: hits[index]), clusters_of(judged, lambda index: found[index])
        weighed = clusters_of(judged, lambda index: weighs[index])

        def share(part, whole):
            return lambda items: part[items].sum() / whole[items].sum() if whole[items].sum() else None

        measured(f"{method} precision", said.get("precision"), met, share(right, hits))
        measured(f"{method} recall", said.get("recall"), positives, share((hits > 0) * found, found))
        measured(f"{method} value", said.get("value_found"), weighed, share((hits > 0) * tonnes, tonnes))
        same(f"{method} n of precision", (said.get("precision") or {"n": 0})["n"], hits.sum())
        same(f"{method} n of recall", (said.get("recall") or {"n": 0})["n"], found.sum())

    for of in report["methods"]:
        method = of["method"]
        scores = np.array([case["scores"].get(method, 0.0) for case in judged])
        same(f"{method} told", of["told"], sum(method in case["scores"] for case in judged))
        budget(method, of["budget"])

        def precision(items):
            return average_precision_score(found[items], scores[items]) if found[items].any() else None

        measured(f"{method} average precision", of.get("average_precision"), clusters, precision)
        if method not in ("service", "prior"):
            continue
        measured(f"{method} brier", of.get("brier"), clusters, lambda items: brier_score_loss(found[items], scores[items]))
        groups = groups_of(scores)
        for group, bin in zip(groups, of["reliability"], strict=True):
            same(f"{method} bin size", bin["n"], group.sum())
            same(f"{method} bin mean", bin["said"], scores[group].mean())
            members = clusters_of(judged, lambda index: group[index])
            measured(f"{method} bin share", bin | {"value": bin["found"]}, members, lambda items: found[items].mean())

        def off(items):
            of_items, is_found = scores[items], found[items]
            parts = groups_of(of_items)
            return sum(p.sum() * abs(of_items[p].mean() - is_found[p].mean()) for p in parts) / len(items)

        measured(f"{method} calibration error", of.get("calibration_error"), clusters, off)

    def lead(items):
        days = [judged[item]["lead_days"] for item in items if "lead_days" in judged[item]]
        return statistics.median(days) if days else None

    measured("lead", report["lead"].get("median_days"), clusters_of(judged, lambda index: found[index]), lead)
    review = tomllib.loads(MODEL.read_text(encoding="utf-8"))["bands"]["review"] / 1000
    by = {m for index, case in enumerate(judged) if not found[index] for m in case["intermediaries"]}
    same("intermediaries", len(report["false_positives"]), len(by))
    for of in report["false_positives"]:
        members = clusters_of(judged, lambda index: not found[index] and of["intermediary"] in judged[index]["intermediaries"])
        is_alarmed = [case["scores"].get("service", 0.0) >= review for case in judged]
        same("false positives, n", of["n"], sum(map(len, members)))
        measured("false positives", of["share"], members, lambda items: np.mean([is_alarmed[item] for item in items]))
    print("\n".join(wrong) if wrong else f"{checked} figures agree")
    sys.exit(1 if wrong else 0)


main()
