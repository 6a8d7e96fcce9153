#!/usr/bin/env python3
"""Simulated worlds at several prevalences: the service beside the four baselines, and what boosted trees reach that were trained on other
seeds. They are ceilings for such worlds and no part of the product; no weight and no world is tuned to what comes out.

    worlds.py [--entrepot PROGRAM] [--quick] [--jobs N]    writes docs/worlds.csv, and docs/evaluation.md of it
    worlds.py --quick --out FILE                           two tiny worlds, for the tests
"""

import csv
import datetime
import json
import math
import os
import shutil
import sys
import tempfile
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import average_precision_score, brier_score_loss

import features
import page
from program import Program, arguments

ROOT = Path(__file__).resolve().parents[2]
FIRST, MONTHS, LAST = "2022-07", 36, "2025-06"
PREVALENCES = ("0.02", "0.1", "0.3")
TEST_SEEDS = (1, 2, 3)
TRAIN_SEEDS = tuple(range(101, 108))
RECORDS = 60_000
METHODS = ("service", "prior", "min_flow", "growth", "both_legs")
# Not of the report: a tree of all that an analyst could work out, one of growth alone, one of what the service's signals say.
TREES = ("tree", "tree_of_growth", "tree_of_evidence")
COLUMNS = [
    *("prevalence", "seed", "records", "cases", "positives", "method", "average_precision", "precision_at_positives", "brier"),
    *("brier_of_prevalence", "budget_precision", "budget_recall", "budget_value", "looked_at", "found", "false_positives"),
    *("version", "model", "reference", "trained_on", "date"),
]


def cases_of(folder):
    return list(csv.DictReader(open(folder / "labels.csv", encoding="utf-8")))


def lane_of(case):
    return case["hs6"], case["intermediary"], case["destination"]


def evidence(program, folder, cases, families):
    """What the service says of each lane at the end: the highest, the lowest, and what each signal counted."""
    said = {}
    output = program.run("assess", folder / "records.ndjson", "--as", "canonical", "--only", "corridors", "--format", "ndjson")
    for line in output.splitlines():
        verdict = json.loads(line)
        said.setdefault((verdict["family"], verdict["intermediary"], verdict["destination"]), []).append(verdict)
    rows = []
    for case in cases:
        names = {case["family_id"], families[case["hs6"]]} - {""}
        verdicts = [v for name in names for v in said.get((name, case["intermediary"], case["destination"]), [])]
        counted = {}
        for verdict in verdicts:
            for spoke in verdict["evidence"]:
                counted.setdefault(spoke["signal"], []).append(spoke["counted"])
        shipments = [v["shipments"] for v in verdicts]
        bands = {band: sum(s["by_band"][band] for s in shipments) for band in ("watch", "review", "priority")}
        assessed = max(1, sum(s["assessed"] for s in shipments))
        scores, priors = ([v[name] for v in verdicts] or [math.nan] for name in ("score", "prior"))
        row = {"highest": max(scores), "lowest": min(scores), "prior": max(priors)}
        row |= {f"{name} of shipments": n / assessed for name, n in bands.items()}
        for signal in ("C1_MASS_BALANCE", "T1_EVENT_SURGE"):
            row |= {f"{signal} max": max(counted.get(signal, [0])), f"{signal} min": min(counted.get(signal, [0]))}
            row |= {f"{signal} months": len(counted.get(signal, []))}
        rows.append(row)
    return rows


def home_families(bundle):
    """The family in which a subheading is counted: its own, or a basket where several share it."""
    homes = {}
    for row in csv.DictReader(open(bundle / "materials.csv", encoding="utf-8")):
        if row["role"] == "material":
            homes[row["hs6"]] = f"H{row['hs6']}" if row["shared"] == "Y" else row["family"]
    return homes


def simulate(program, folder, prevalence, seed, records):
    arguments = ("--seed", seed, "--records", records, "--from", FIRST, "--until", LAST, "--scheme", "all")
    program.run("simulate", "--out", folder, *arguments, "--prevalence", prevalence)


def measure(program, work, bound, families, prevalence, seed, records, judged):
    """A world's cases with their features; and the report of the service on them, where it is judged."""
    folder = Path(work) / f"{prevalence}-{seed}"
    simulate(program, folder, prevalence, seed, records)
    cases = cases_of(folder)
    world = features.World(folder / "records.ndjson", FIRST, MONTHS)
    own = [features.features(world, bound, *lane_of(case)) for case in cases]
    heard = evidence(program, folder, cases, families)
    report = None
    if judged:
        report = json.loads(
            program.run("backtest", folder / "records.ndjson", "--labels", folder / "labels.csv", "--format", "json")
        )
        missing = report["unseen"] + report["unusable"]
        if missing or len(report["cases"]) != len(cases):
            sys.exit(f"{folder.name}: cases of which the report says nothing: {missing}")
    shutil.rmtree(folder)
    print(f"{folder.name}: {len(cases)} lanes, {sum(case['label'] == '1' for case in cases)} with a scheme", file=sys.stderr)
    return {"prevalence": prevalence, "seed": seed, "cases": cases, "own": own, "heard": heard, "report": report}


def matrix(worlds, name):
    rows = [row for world in worlds for row in world["heard" if name == "tree_of_evidence" else "own"]]
    names = features.GROWTH if name == "tree_of_growth" else list(rows[0])
    labels = [int(case["label"]) for world in worlds for case in world["cases"]]
    return np.array([[row[name] for name in names] for row in rows], dtype=float), np.array(labels)


def tree(worlds, prevalence, name):
    """One for each prevalence, on the worlds of all of them: weights make the share of schemes what it is in the world that is judged, since
    at 2 % a few dozen lanes bear one."""
    x, y = matrix(worlds, name)
    weights = np.where(y == 1, prevalence / y.mean(), (1 - prevalence) / (1 - y.mean()))
    model = HistGradientBoostingClassifier(
        max_iter=200, learning_rate=0.05, max_leaf_nodes=15, min_samples_leaf=10, random_state=0
    )
    return model.fit(x, y, sample_weight=weights)


def figures(found, scores, is_probability):
    first = np.argsort(-np.array(scores), kind="stable")[: max(1, sum(found))]
    row = {
        "average_precision": average_precision_score(found, scores) if any(found) else "",
        "precision_at_positives": float(np.mean(np.array(found)[first])),
    }
    if is_probability:
        row["brier"] = brier_score_loss(found, scores)
    return row


def judge(world, trees):
    """A row for each method, all on the same cases."""
    report = world["report"]
    found = [int(case["is_rerouting"]) for case in report["cases"]]
    if [case["case"] for case in report["cases"]] != [case["case_id"] for case in world["cases"]]:
        sys.exit("the report has its cases in another order")
    rows = []
    for method in METHODS:
        of = next(of for of in report["methods"] if of["method"] == method)
        # A rule that had no figures for a case tells nobody of it.
        scores = [case["scores"].get(method, 0) for case in report["cases"]]
        row = figures(found, scores, method in ("service", "prior"))
        said = (of.get("average_precision") or {}).get("value", "")
        if any(found) and abs(said - row["average_precision"]) > 1e-9:
            sys.exit(f"{method}: average precision {said} in the report, {row['average_precision']} computed")
        budget = of["budget"]
        named = (("precision", "precision"), ("recall", "recall"), ("value", "value_found"))
        row |= {f"budget_{name}": (budget.get(key) or {}).get("value", "") for name, key in named}
        row["looked_at"] = budget["looked_at"]
        rows.append({"method": method} | row)
    for name, model in trees.items():
        x, _ = matrix([world], name)
        rows.append({"method": name} | figures(found, model.predict_proba(x)[:, 1], True))
    rows[0]["found"] = report["lead"]["found"]
    rows[0]["false_positives"] = sum(of["found"] for of in report["false_positives"])
    common = {"prevalence": world["prevalence"], "seed": world["seed"], "cases": len(found), "positives": sum(found)}
    common |= {"brier_of_prevalence": report["brier_of_prevalence"]}
    common |= {"model": report["models"][0], "reference": report["references"][0]}
    return [common | row for row in rows]


def main():
    of = arguments("docs/worlds.csv")
    prevalences, test_seeds, train_seeds, records = PREVALENCES, TEST_SEEDS, TRAIN_SEEDS, RECORDS
    if of.quick:
        prevalences, test_seeds, train_seeds, records = ("0.3",), (1,), (101,), 5_000
    bundle = ROOT / "config/reference"
    bound, families = features.controls(bundle), home_families(bundle)
    with tempfile.TemporaryDirectory() as work:
        program = Program(of.entrepot, work)

        def worlds(seeds, judged):
            of = (program, work, bound, families)
            return [measure(*of, prevalence, seed, records, judged) for prevalence in prevalences for seed in seeds]

        training, tested = worlds(train_seeds, False), worlds(test_seeds, True)
        rows = []
        for prevalence in prevalences:
            trees = {name: tree(training, float(prevalence), name) for name in TREES}
            rows += [row for world in tested if world["prevalence"] == prevalence for row in judge(world, trees)]
        lanes = [int(case["label"]) for world in training for case in world["cases"]]
        common = {"records": records, "version": program.version(), "date": datetime.date.today().isoformat()}
        common["trained_on"] = f"{len(training)} worlds with {len(lanes)} lanes and {sum(lanes)} schemes"
    page.write_rows(of.out, COLUMNS, [row | common for row in rows])
    if Path(of.out) == ROOT / "docs/worlds.csv":
        page.write()
    print(f"{len(rows)} rows in {of.out}")


if __name__ == "__main__":
    main()
