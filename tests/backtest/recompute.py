#!/usr/bin/env python3
"""Computes the figures of `entrepot backtest --format json` anew from its cases, with scikit-learn; exit 1 where one differs.

    recompute.py REPORT.json    prints how many figures agree to 1e-9
"""

import json
import statistics
import sys

import numpy as np
from sklearn.metrics import average_precision_score, brier_score_loss

NEAR = 1e-9
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


def clusters_of(cases):
    names = {}
    for index, case in enumerate(cases):
        names.setdefault(case["case"], []).append(index)
    return list(names.values())


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
    for of in report["methods"]:
        method = of["method"]
        scores = np.array([case["scores"][method] for case in judged])

        def precision(items):
            return average_precision_score(found[items], scores[items]) if found[items].any() else None

        measured(f"{method} average precision", of.get("average_precision"), clusters, precision)
        if method not in ("service", "prior"):
            continue
        measured(f"{method} brier", of.get("brier"), clusters, lambda items: brier_score_loss(found[items], scores[items]))
        groups = groups_of(scores)
        said = [(bin["n"], bin["said"], bin["found"]) for bin in of["reliability"]]
        for group, (n, mean, share) in zip(groups, said, strict=True):
            same(f"{method} bin size", n, group.sum())
            same(f"{method} bin mean", mean, scores[group].mean())
            same(f"{method} bin share", share, found[group].mean())
        off = sum(group.sum() * abs(scores[group].mean() - found[group].mean()) for group in groups) / max(1, len(scores))
        same(f"{method} calibration error", of.get("calibration_error"), off if groups else None)
    positives = [case for case in judged if case["is_rerouting"]]

    def lead(items):
        days = [positives[item]["lead_days"] for item in items if "lead_days" in positives[item]]
        return statistics.median(days) if days else None

    measured("lead", report["lead"].get("median_days"), clusters_of(positives), lead)
    print("\n".join(wrong) if wrong else f"{checked} figures agree")
    sys.exit(1 if wrong else 0)


main()
