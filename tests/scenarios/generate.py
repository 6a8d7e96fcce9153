#!/usr/bin/env python3
"""Writes the twins of tests/scenarios and config/sample/antimony.ndjson, each row with its basis.

Run from anywhere: python3 tests/scenarios/generate.py. No test runs it: the files it writes are the data. It holds what was published and
what is assumed about the rest; no verdict and no threshold. Only the standard library, no clock, no random numbers.
"""
import calendar
import csv
import datetime
import json
import pathlib

HERE = pathlib.Path(__file__).parent
SAMPLE = HERE.parent.parent / "config" / "sample"
PRESS = "Reuters 2025-07-09, as reprinted by anewz.tv and squidsite02.com"
CENSUS = "US Census Bureau, USA Trade Online, general imports of HS 2825.80 by partner, customs value"
USGS = "USGS Mineral Commodity Summaries 2026, antimony: US imports of oxide 14,000 t in 2023, China 66 % of 2021-24"
GACC = "China customs as reported by energynews.oedigital.com 2025-01-20: none to the US since October 2024"
LAGS = {"US": 35, "CN": 20, "TH": 28, "MY": 35}          # days between the end of a month and its publication


def months(first, last):
    year, month = map(int, first.split("-"))
    while f"{year}-{month:02}" <= last:
        yield f"{year}-{month:02}"
        year, month = (year, month + 1) if month < 12 else (year + 1, 1)


def shifted(month, by):
    year, number = map(int, month.split("-"))
    total = year * 12 + number - 1 + by
    return f"{total // 12}-{total % 12 + 1:02}"


def known(reporter, month):
    year, number = map(int, month.split("-"))
    end = datetime.date(year, number, calendar.monthrange(year, number)[1])
    return (end + datetime.timedelta(days=LAGS[reporter])).isoformat() + "T00:00:00Z"


def wobble(month, salt):
    """A few per cent up and down, ever the same: real months are never equal."""
    year, number = map(int, month.split("-"))
    return 1 + ((year * 7 + number * 5 + salt * 3) % 9 - 4) / 100


def name_of(row):
    return row.get("id") or "/".join(row[key] for key in ("reporter", "flow", "partner", "hs", "period"))


class Rows:
    def __init__(self):
        self.rows, self.basis = [], []

    def add(self, reporter, flow, partner, hs, month, tonnes=None, usd=None, basis=("assumed", "")):
        row = {"kind": "trade_flow", "reporter": reporter, "partner": partner, "flow": flow, "period": month, "hs": hs, "hs_version": "2022" if month >= "2022" else "2017"}
        if tonnes is not None:
            row["net_mass_kg"] = round(tonnes * 1000)
        if usd is not None:
            row["customs_value"] = {"amount": str(usd), "currency": "USD"}
            row["valuation"] = "customs"
        row["known_from"] = known(reporter, month)
        self.rows.append((row, basis))

    def write(self, folder, name):
        ordered = sorted(self.rows, key=lambda pair: (pair[0]["known_from"], name_of(pair[0])))
        with open(folder / f"{name}.ndjson", "w", newline="\n") as out:
            for row, _ in ordered:
                out.write(json.dumps(row, separators=(",", ":")) + "\n")
        with open(folder / f"{name}.basis.csv", "w", newline="") as out:
            table = csv.writer(out, lineterminator="\n")
            table.writerow(["row", "basis", "source"])
            for row, (basis, source) in ordered:
                table.writerow([name_of(row), basis, source])


FIRST, LAST = "2022-06", "2025-05"
OXIDE, ORE, METAL = "282580", "261710", "811010"


def thailand(month):
    """Thai oxide into the US. 3,366 t in December 2024 to May 2025; a twenty-seventh of it in the same months a year before."""
    if month >= "2024-12":
        return 3366 / 6, ("derived", f"{PRESS}: at least 3,366 t Dec 2024-May 2025, by one firm; spread evenly over the six months")
    if "2023-12" <= month <= "2024-05":
        return 3366 / 27 / 6, ("derived", f"{PRESS}: 3,366 t were about 27 times the same months a year before; spread evenly")
    return 3366 / 27 / 6 * wobble(month, 1), ("assumed", "as in December 2023 to May 2024; the months between are not published in tonnes")


def mexico(month):
    if "2024-12" <= month <= "2025-04":
        return (3834 - 3366 * 5 / 6) / 5, ("derived", f"{PRESS}: Thailand and Mexico 3,834 t Dec 2024-Apr 2025, less Thailand's five sixths; spread evenly")
    if month > "2025-04":
        return (3834 - 3366 * 5 / 6) / 5, ("assumed", "as in the months before")
    return 80 * wobble(month, 2), ("derived", f"{PRESS}: both together more than almost the previous three years combined, so at most about 106 t a month before")


# Flat, so that demand as such does not grow: about what is left of 14,000 t a year after China's two thirds.
OTHER_US = {"BE": 150, "FR": 90, "BO": 60, "VN": 45, "CA": 30}
# Dollars alone: annual totals, spread evenly. Their tonnes are not published.
DOLLARS = {
    "JP": {"2022": 1934807, "2023": 1502894, "2024": 1167004, "2025": 2921389},
    "KR": {"2022": 1576370, "2023": 590958, "2024": 129967, "2025": 7893870},
    "IN": {"2022": 432988, "2023": 436073, "2024": 1225406, "2025": 18635505},
    "TW": {"2024": 586980, "2025": 6010870},
}
OTHER_TH = {"KR": 10, "BE": 4, "JP": 6}


def us_side(rows):
    for month in months(FIRST, LAST):
        for partner, figure in (("TH", thailand), ("MX", mexico)):
            tonnes, basis = figure(month)
            rows.add("US", "import", partner, OXIDE, month, tonnes, basis=basis)
        for salt, (partner, tonnes) in enumerate(OTHER_US.items()):
            rows.add("US", "import", partner, OXIDE, month, tonnes * wobble(month, salt), basis=("assumed", "flat: the test is about Thailand, not about demand"))
        direct = 770 * wobble(month, 3)
        banned = month >= "2024-10"
        shipped = ("reported", GACC) if banned else ("derived", f"{USGS}: about 770 t a month")
        rows.add("CN", "export", "US", OXIDE, month, 0 if banned else direct, basis=shipped)
        landed = ("assumed", "what left in September arrives in October and November") if month in ("2024-10", "2024-11") else shipped
        rows.add("US", "import", "CN", OXIDE, month, 0 if month >= "2024-12" else direct / 3 if banned else direct, basis=landed)
        for partner, totals in DOLLARS.items():
            total = totals.get(month[:4])
            if total:
                span, count = ("2025-H1", 6) if month[:4] == "2025" else (month[:4], 12)
                rows.add("US", "import", partner, OXIDE, month, usd=total // count, basis=("derived", f"{CENSUS}: {total} in {span}, spread evenly"))


def thai_side(rows, chinese, burmese):
    """What goes into Thailand; `chinese` and `burmese` give tonnes of oxide and of ore by month."""
    for month in months(FIRST, LAST):
        assumed = ("assumed", "no month of Thailand's imports is published in tonnes; a first leg that fits the second")
        rows.add("TH", "import", "CN", OXIDE, month, chinese(month), basis=assumed)
        rows.add("TH", "import", "MM", ORE, month, burmese(month), basis=assumed)
        rows.add("TH", "import", "CN", METAL, month, 8 * wobble(month, 6), basis=("assumed", "flat"))
        for salt, (partner, tonnes) in enumerate(OTHER_TH.items()):
            rows.add("TH", "import", partner, OXIDE, month, tonnes * wobble(month, salt + 4), basis=("assumed", "flat"))


def china_to_thailand(rows, tonnes, basis):
    for month in months(FIRST, LAST):
        rows.add("CN", "export", "TH", OXIDE, month, tonnes(month), basis=basis)


def surge(usual, high):
    """From the month before the goods go on to the US."""
    return lambda month: (high if month >= "2024-11" else usual) * wobble(month, 7)


flat_oxide, flat_ore = surge(45, 45), surge(12, 12)
surging_oxide = surge(45, 45 + 3366 / 6 * 1.02)
# One tonne of oxide holds 0.8354 t of antimony; smelting keeps 95 %; concentrate holds 55 %.
surging_ore = surge(12, 12 + 3366 / 6 * 0.8354 / 0.95 / 0.55)
TOP_THREE = ("assumed", f"{PRESS}: Thailand among the first three destinations of Chinese antimony through May 2025, outside the first ten in 2023; tonnes not published")


def chinese_oxide(rows):
    thai_side(rows, surging_oxide, flat_ore)
    china_to_thailand(rows, lambda month: surging_oxide(shifted(month, 1)), TOP_THREE)


def burmese_ore(rows):
    thai_side(rows, flat_oxide, surging_ore)
    china_to_thailand(rows, lambda month: flat_oxide(shifted(month, 1)), ("assumed", "the counterfactual: China's deliveries stay as they were"))


def no_first_leg(rows):
    """Nothing is known of what goes into Thailand."""


def china_reports_zero(rows):
    thai_side(rows, surging_oxide, flat_ore)
    china_to_thailand(rows, lambda month: 0 if month >= "2024-10" else flat_oxide(shifted(month, 1)), ("assumed", "the counterfactual: China reports no deliveries while Thailand books them"))


def antimony(name, first_leg, years_earlier=0):
    rows = Rows()
    us_side(rows)
    first_leg(rows)
    if years_earlier:
        for row, _ in rows.rows:
            row["period"] = shifted(row["period"], -12 * years_earlier)
            row["known_from"] = known(row["reporter"], row["period"])
            row["hs_version"] = "2022" if row["period"] >= "2022" else "2017"
        note = f"the same flows {years_earlier} years earlier; "
        rows.rows = [(row, ("assumed", note + source)) for row, (_, source) in rows.rows]
    rows.write(HERE, name)


# --- a second family and another intermediary: bismuth metal by way of Malaysia, after announcement 10/2025 of 4 February 2025 ---
BISMUTH = "810610"


def bismuth(name, first_leg):
    rows = Rows()
    made_up = ("assumed", "made up: no such case is reported; the figures have the scale of USGS's US imports of bismuth")
    for month in months("2022-12", "2025-08"):
        after = month >= "2025-03"
        rows.add("US", "import", "MY", BISMUTH, month, (70 if after else 4) * wobble(month, 1), basis=made_up)
        for salt, (partner, tonnes) in enumerate({"KR": 28, "BE": 14, "MX": 9, "BG": 5}.items()):
            rows.add("US", "import", partner, BISMUTH, month, tonnes * wobble(month, salt), basis=made_up)
        rows.add("CN", "export", "US", BISMUTH, month, 0 if month >= "2025-02" else 95 * wobble(month, 3), basis=made_up)
        rows.add("US", "import", "CN", BISMUTH, month, 0 if after else 95 * wobble(month, 3), basis=made_up)
        if first_leg:
            extra = 71 if month >= "2025-02" else 0
            chinese, laotian = (extra, 0) if first_leg == "CN" else (0, extra)
            rows.add("MY", "import", "CN", BISMUTH, month, (9 + chinese) * wobble(month, 5), basis=made_up)
            rows.add("MY", "import", "LA", BISMUTH, month, (6 + laotian) * wobble(month, 6), basis=made_up)
            rows.add("MY", "import", "JP", BISMUTH, month, 3 * wobble(month, 7), basis=made_up)
            rows.add("CN", "export", "MY", BISMUTH, month, (9 + chinese) * wobble(month, 8), basis=made_up)
    rows.write(HERE, name)


def shipments(rows):
    """A handful of consignments beside the flows: some received in China, most not. Made up, as the firms are."""
    made_up = ("assumed", "made up, to show the record layer; no real consignment and no real firm")
    routes = [("THLCH", "CNNGB"), ("THLCH", None), ("THBKK", None), ("THLCH", "CNSHG"), ("THBKK", "THBKK"), ("CNNGB", None), ("THLCH", None), ("THLCH", "CNNGB")]
    for number, (lading, receipt) in enumerate(routes, 1):
        day = datetime.date(2025, 1 + number // 4, 3 + number * 2)
        row = {"kind": "shipment", "id": f"EXAM90000000{number}/1", "revision": 1, "status": "active", "event_date": day.isoformat(),
               "known_from": (day + datetime.timedelta(days=7)).isoformat() + "T00:00:00Z", "flow": "import", "reporter": "US", "hs": "2825800000", "hs_version": "2022",
               "description": "ANTIMONY TRIOXIDE 99.5 PCT", "country_of_origin": "TH", "country_of_consignment": "TH", "destination": "US"}
        if receipt:
            row["place_of_receipt"] = receipt
        row |= {"port_of_lading": lading, "port_of_unlading": "USHOU", "net_mass_kg": 20000 + number * 55, "gross_mass_kg": 20460 + number * 55,
                "bill_of_lading": {"master": f"EXAM90000000{number}"},
                "parties": [{"role": "shipper", "name": "Example Oxide Co Ltd", "country": "TH"}, {"role": "consignee", "name": "Example Retardants Inc", "country": "US"}]}
        rows.rows.append((row, made_up))


def sample():
    rows = Rows()
    us_side(rows)
    chinese_oxide(rows)
    shipments(rows)
    rows.write(SAMPLE, "antimony")


# --- the route of single consignments ---
FITTINGS = "730793"
EAPA = "US CBP, determination of evasion in a case of forged steel fittings, reported 2023-08-22 by exportcompliancedaily.com and on cbp.gov: goods went from China through Sri Lanka and were entered as Sri Lankan"


def fittings(name):
    """Steel fittings by way of Sri Lanka, 2022: what was found of the route is reported, the bills are made up."""
    rows = Rows()
    found = ("derived", f"{EAPA}; date, port and mass are made up")
    honest = ("assumed", "made up: the same goods from the same country, received there")
    routes = [
        ("ROUTE1/1", {"place_of_receipt": "CNTAO", "port_of_lading": "LKCMB"}, found),
        ("ROUTE2/1", {"port_of_lading": "CNSHA"}, found),
        ("ROUTE3/1", {"country_of_consignment": "CN", "port_of_lading": "LKCMB"}, found),
        ("ROUTE4/1", {"place_of_receipt": "LKCMB", "port_of_lading": "LKCMB", "transit_ports": ["SGSIN", "CNSHA"]}, honest),
        ("ROUTE5/1", {"place_of_receipt": "LKCMB", "port_of_lading": "LKCMB", "transit_ports": ["SGSIN"]}, honest),
        ("ROUTE6/1", {"place_of_receipt": "TWKHH", "port_of_lading": "TWKHH"}, honest),
        ("ROUTE7/1", {"country_of_consignment": "LK"}, honest),
        ("ROUTE8/1", {"country_of_origin": "CN", "place_of_receipt": "CNTAO", "port_of_lading": "LKCMB"}, ("assumed", "made up: the same route, declared as Chinese")),
    ]
    for number, (name_of_bill, route, basis) in enumerate(routes):
        day = datetime.date(2022, 6, 3 + number)
        row = {"kind": "shipment", "id": name_of_bill, "event_date": day.isoformat(), "known_from": (day + datetime.timedelta(days=7)).isoformat() + "T00:00:00Z",
               "flow": "import", "reporter": "US", "hs": FITTINGS, "hs_version": "2022", "country_of_origin": "LK", "destination": "US"} | route | {"net_mass_kg": 18000 + 40 * number}
        rows.rows.append((row, basis))
    rows.write(HERE, name)


if __name__ == "__main__":
    antimony("antimony-chinese-oxide", chinese_oxide)
    antimony("antimony-burmese-ore", burmese_ore)
    antimony("antimony-no-first-leg", no_first_leg)
    antimony("antimony-china-reports-zero", china_reports_zero)
    antimony("antimony-two-years-earlier", chinese_oxide, years_earlier=2)
    bismuth("bismuth-chinese-metal", "CN")
    bismuth("bismuth-laotian-metal", "LA")
    bismuth("bismuth-no-first-leg", None)
    fittings("route-fittings-sri-lanka")
    sample()
