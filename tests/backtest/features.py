"""What an analyst could work out of a world's records about the lane of a case: volumes of both legs before and after the control, what else
came in, whose papers go with it. From records and public control dates alone; nothing of truth, labels or verdicts, and nothing of a
case's period, which its finding sets."""

import csv
import json
import math
from collections import Counter, defaultdict

import numpy as np

# What rules of growth go by: nothing of levels, of gaps between two reports, of papers.
GROWTH = ["bound", "out growth", "leg growth", "supply growth", "others growth", "best input growth", "demand", "direct"]
BEFORE, AFTER, KAPPA = 24, 6, 10.0  # months, months, kg


def controls(bundle):
    """(subheading, destination or ALL, announced, effective) of every export control of China that binds."""
    rows = []
    for row in csv.DictReader(open(bundle / "controls.csv", encoding="utf-8")):
        if row["kind"] in ("ban", "licence") and row["effective"] and row["weightless"] != "Y":
            codes = {part.split(":")[-1] for part in row["hs6"].split(";") if part}
            destinations = row["destinations"].split(";")
            rows += [(code, d, row["announced"][:7], row["effective"][:7]) for code in codes for d in destinations]
    return rows


def months_between(first, month):
    return (int(month[:4]) - int(first[:4])) * 12 + int(month[5:7]) - int(first[5:7])


class World:
    """The records of a world as they are last known: flows by month, shipments by lane."""

    def __init__(self, path, first, months):
        self.first, self.months = first, months
        self.flows, self.shipments = {}, {}
        with open(path, encoding="utf-8") as lines:
            for line in lines:
                record = json.loads(line)
                if record["kind"] == "trade_flow":
                    self.flow(record)
                elif record["revision"] >= self.shipments.get(record["id"], {"revision": 0})["revision"]:
                    self.shipments[record["id"]] = record
        self.by_lane, self.into, self.by_master = defaultdict(list), Counter(), defaultdict(set)
        for record in self.shipments.values():
            if record["status"] == "active":
                self.shipment(record)
        self.imports = defaultdict(dict)
        for (reporter, flow, partner, hs), series in self.flows.items():
            if flow == "import":
                self.imports[reporter][partner, hs] = series

    def flow(self, record):
        key = (record["reporter"], record["flow"], record["partner"], record["hs"])
        series = self.flows.setdefault(key, np.full(self.months, np.nan))
        index = months_between(self.first, record["period"])
        if 0 <= index < self.months:
            series[index] = record.get("net_mass_kg", np.nan)

    def shipment(self, record):
        origin, consigned = record.get("country_of_origin"), record.get("country_of_consignment")
        m = consigned if origin in (None, "CN", "HK", "MO") else origin
        self.by_lane[record["hs"][:6], m, record["destination"]].append(record)
        for box in record.get("containers", []):
            self.by_master[box["number"]].add(record.get("bill_of_lading", {}).get("master"))
        if origin == "CN":
            for party in record.get("parties", []):
                if party["role"] == "consignee":
                    self.into[party["name"]] += 1

    def series(self, *key):
        return self.flows.get(key, np.full(self.months, np.nan))


def mean(values):
    values = values[~np.isnan(values)]
    return float(values.mean()) if len(values) else math.nan


def total(rows, months):
    rows = [row for row in rows if not np.isnan(row).all()]
    return np.nansum(rows, axis=0) if rows else np.full(months, np.nan)


class Windows:
    """Before and after the control; of goods that none binds, thirds of the world stand for it."""

    def __init__(self, world, hs, destination, bound):
        own = sorted(
            (months_between(world.first, effective), months_between(world.first, announced))
            for code, d, announced, effective in bound
            if code == hs and d in ("ALL", destination)
        )
        own = [(effective, announced) for effective, announced in own if 3 <= effective < world.months - 1]
        self.is_bound = bool(own)
        self.end = world.months
        self.effective, self.announced = own[0] if own else (world.months // 2, world.months // 2 - 1)
        self.before = slice(max(0, self.announced - BEFORE), max(1, self.announced))
        self.after = slice(max(self.effective, self.end - AFTER), self.end)
        self.first = slice(self.effective, min(self.effective + AFTER, self.end))

    def growth(self, series, window):
        return math.log((mean(series[window]) + KAPPA) / (mean(series[self.before]) + KAPPA))

    def peak(self, series):
        """The highest quarter since the control, beside the last one: a lane that was left again."""
        quarters = [mean(series[at : at + 3]) for at in range(self.effective, self.end - 2)] or [math.nan]
        return math.log((np.nanmax(quarters + [0.0]) + KAPPA) / (mean(series[-3:]) + KAPPA))


def of_flows(world, windows, hs, m, d):
    bought = world.imports[m]
    out, told = world.series(d, "import", m, hs), world.series(m, "export", d, hs)
    leg, admitted = world.series(m, "import", "CN", hs), world.series("CN", "export", m, hs)
    months = world.months
    supply = total([row for (p, code), row in bought.items() if code == hs and p != "CN"], months)
    others = total([row for (p, code), row in bought.items() if code != hs and p != "CN"], months)
    inputs = [row for (p, code), row in bought.items() if code != hs and p == "CN"]
    demand = [row for (p, code), row in world.imports[d].items() if code == hs and p not in ("CN", m)]
    rises = [windows.growth(row, windows.after) for row in demand]
    added = mean(out[windows.after]) - mean(out[windows.before]) + KAPPA

    def explained(series):
        return (mean(series[windows.after]) - mean(series[windows.before])) / max(added, KAPPA)

    named = {"out": out, "told": told, "leg": leg, "admitted": admitted, "supply": supply, "others": others}
    features = {"bound": float(windows.is_bound), "since": float(windows.end - windows.effective)}
    for name, series in named.items():
        features[f"{name} growth"] = windows.growth(series, windows.after)
        features[f"{name} growth at first"] = windows.growth(series, windows.first)
        features[f"{name} level"] = math.log(mean(series[windows.before]) + KAPPA)
        features[f"{name} fall from peak"] = windows.peak(series)
        features[f"{name} of what was added"] = explained(series)
    features |= {
        "smaller growth": min(features["out growth"], features["leg growth"]),
        "leg over out": mean(leg[windows.after]) / (mean(out[windows.after]) + KAPPA),
        "supply over out": mean(supply[windows.after]) / (mean(out[windows.after]) + KAPPA),
        "gap before": math.log((mean(leg[windows.before]) + KAPPA) / (mean(admitted[windows.before]) + KAPPA)),
        "gap after": math.log((mean(leg[windows.after]) + KAPPA) / (mean(admitted[windows.after]) + KAPPA)),
        "best input": max([explained(row) for row in inputs] or [math.nan]),
        "best input growth": max([windows.growth(row, windows.after) for row in inputs] or [math.nan]),
        "demand": float(np.nanmedian(rises)) if rises else math.nan,
        "most others fell": min(rises or [math.nan]),
        "most others rose": max(rises or [math.nan]),
        "direct": windows.growth(world.series(d, "import", "CN", hs), windows.after),
        "transit": mean(world.series(m, "re_export", d, hs)) / (mean(out) + KAPPA),
        "stocks": math.log(
            (mean(leg[max(0, windows.effective - 10) : windows.effective]) + KAPPA) / (mean(leg[: windows.before.stop]) + KAPPA)
        ),
    }
    return features


def shows_china(record):
    places = [record.get("place_of_receipt"), record.get("port_of_lading"), *record.get("transit_ports", [])]
    return any(place and place[:2] in ("CN", "HK", "MO") for place in places)


def party(record, role):
    return next((of["name"] for of in record.get("parties", []) if of["role"] == role), None)


def of_shipments(world, windows, hs, m, d):
    records = world.by_lane.get((hs, m, d), [])
    later, earlier = [], []
    for record in records:
        month = months_between(world.first, record["event_date"])
        (later if month >= windows.effective else earlier).append(record)

    def share(records, holds):
        return sum(map(holds, records)) / len(records) if records else math.nan

    firms = Counter(party(record, "shipper") for record in later)
    firm, of_firm = firms.most_common(1)[0] if firms else (None, 0)
    seen = {party(record, "shipper") for record in earlier}

    def price(records):
        told = [r for r in records if "customs_value" in r and r.get("net_mass_kg")]
        return float(np.median([float(r["customs_value"]["amount"]) / r["net_mass_kg"] for r in told] or [math.nan]))

    return {
        "shipments before": float(len(earlier)),
        "shipments after": float(len(later)),
        "through China before": share(earlier, shows_china),
        "through China after": share(later, shows_china),
        "declared Chinese": share(records, lambda record: record.get("country_of_origin") == "CN"),
        "shared boxes": share(later, lambda r: any(len(world.by_master[box["number"]]) > 1 for box in r.get("containers", []))),
        "houses": share(later, lambda record: "house" in record.get("bill_of_lading", {})),
        "firms": float(len(firms)),
        "largest firm": of_firm / len(later) if later else math.nan,
        "largest firm is new": float(firm not in seen) if firm else math.nan,
        "largest firm buys in China": float(world.into[firm]) if firm else math.nan,
        "price": price(later) / price(earlier),
    }


def features(world, bound, hs, m, d):
    """By name, NaN where nothing is known."""
    windows = Windows(world, hs, d, bound)
    return of_flows(world, windows, hs, m, d) | of_shipments(world, windows, hs, m, d)
