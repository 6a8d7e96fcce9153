#!/usr/bin/env python3
"""The figures of a lane that was made by hand: both legs double with the control, through a firm that nobody saw before."""

import json
import math
import tempfile
from pathlib import Path

import features

FIRST, MONTHS, CONTROL = "2023-01", 24, 12


def flow(reporter, kind, partner, hs, month, kg):
    period = f"{2023 + month // 12}-{month % 12 + 1:02}"
    told = {"kind": "trade_flow", "reporter": reporter, "flow": kind, "partner": partner, "hs": hs}
    return told | {"period": period, "net_mass_kg": kg}


def shipment(number, month, firm, origin="TH", to="US", **more):
    parties = [{"role": "shipper", "name": firm}, {"role": "consignee", "name": "Buyer"}]
    record = {"kind": "shipment", "id": f"S{number}", "revision": 1, "status": "active", "hs": "2825800000", "parties": parties}
    date = f"{2023 + month // 12}-{month % 12 + 1:02}-05"
    return record | {"event_date": date, "country_of_origin": origin, "destination": to} | more


def lane():
    records = []
    for month in range(MONTHS):
        times = 2 if month >= CONTROL else 1
        records += [flow("US", "import", "TH", "282580", month, 4000 * times)]
        records += [flow("TH", "import", "CN", "282580", month, 3000 * times)]
        # China admits half of what its neighbour sees; the rest of the supply stands still, and so does demand.
        records += [flow("CN", "export", "TH", "282580", month, 1500 * times)]
        records += [flow("TH", "import", "VN", "282580", month, 500)]
        records += [flow("US", "import", partner, "282580", month, 1000) for partner in ("MX", "PE", "BE")]
    # A row published again replaces the first; a month without mass is unknown.
    records += [flow("US", "import", "TH", "282580", 3, 4000)]
    records[0]["net_mass_kg"] = 9e9
    records += [flow("US", "import", "TH", "282580", 0, 4000)]
    records[7 * 5].pop("net_mass_kg")
    bill = {"master": "M1"}
    records += [shipment(1, 2, "Old", port_of_lading="THLCH", bill_of_lading=bill, containers=[{"number": "BOX1"}])]
    records += [shipment(2, 13, "New", port_of_lading="CNNGB", bill_of_lading={"master": "M2"}, containers=[{"number": "BOX2"}])]
    records += [shipment(3, 14, "New", port_of_lading="THLCH", bill_of_lading={"master": "M3"}, containers=[{"number": "BOX2"}])]
    # Declared Chinese, through Thailand: of the lane, but withdrawn.
    records += [shipment(4, 15, "New", "CN", country_of_consignment="TH")]
    records += [shipment(4, 15, "New", "CN", country_of_consignment="TH") | {"revision": 2, "status": "cancelled"}]
    records += [shipment(5, 13, "Mill", "CN", "TH", parties=[{"role": "consignee", "name": "New"}])]
    return records


def main():
    bound = [("282580", "US", "2024-01", "2024-01"), ("282580", "DE", "2023-06", "2023-06")]
    bound += [("811010", "US", "2023-06", "2023-06")]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "records.ndjson"
        path.write_text("".join(json.dumps(record) + "\n" for record in lane()), encoding="utf-8")
        world = features.World(path, FIRST, MONTHS)
    found = features.features(world, bound, "282580", "TH", "US")
    second, first = math.log(8010 / 4010), math.log(6010 / 3010)
    wanted = {
        **{"bound": 1, "since": 12, "out growth": second, "leg growth": first, "smaller growth": first},
        **{"supply growth": 0, "demand": 0, "gap after": first, "leg of what was added": 3000 / 4010},
        **{"shipments before": 1, "shipments after": 2, "through China before": 0, "through China after": 0.5},
        **{"firms": 1, "largest firm": 1, "largest firm is new": 1, "largest firm buys in China": 1},
        **{"shared boxes": 1, "declared Chinese": 0},
    }
    wrong = {name: (found[name], value) for name, value in wanted.items() if abs(found[name] - value) > 1e-9}
    assert not wrong, wrong
    unbound = features.features(world, [], "282580", "TH", "US")
    assert unbound["bound"] == 0 and list(unbound) == list(found)
    print(f"{len(wanted)} figures of {len(found)} are what they are by hand")


main()
