"""Makes the Parquet files of the tests, and beside each the rows that have to come of it, told by pyarrow and not by us.

    scripts/python tests/parquet/make.py

Written anew by another version of pyarrow the files may have other bytes, never other rows.
"""

import datetime
import decimal
import json
import math
import pathlib
import struct
import uuid

import pyarrow as pa
import pyarrow.parquet as pq

HERE = pathlib.Path(__file__).parent


def shown(value, kind):
    """A value as a message has it; absent where it is null."""
    if value is None:
        return None
    if pa.types.is_decimal(kind):
        return format(value, "f")
    if pa.types.is_timestamp(kind):
        nanoseconds = value.value
        seconds, rest = divmod(nanoseconds, 10**9)
        text = (datetime.datetime(1970, 1, 1) + datetime.timedelta(seconds=seconds)).isoformat()
        return text + fraction(rest) + ("Z" if kind.tz else "")
    if pa.types.is_time(kind):
        return value.replace(microsecond=0).isoformat() + fraction(value.microsecond * 1000)
    if pa.types.is_date(kind):
        return value.isoformat()
    if pa.types.is_floating(kind):
        if value.is_integer() and abs(value) < 2**53:
            return int(value)
        if math.isfinite(value) and pa.types.is_float32(kind):
            return shortest(value)
        return None if math.isnan(value) else value if math.isfinite(value) else "inf" if value > 0 else "-inf"
    if pa.types.is_struct(kind):
        fields = [kind.field(at) for at in range(kind.num_fields)]
        members = {field.name: shown(value[field.name], field.type) for field in fields}
        return {name: member for name, member in members.items() if member is not None}
    if pa.types.is_map(kind):
        entries = [{"key": shown(key, kind.key_type), "value": shown(item, kind.item_type)} for key, item in value]
        return [{name: part for name, part in entry.items() if part is not None} for entry in entries]
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return [shown(element, kind.value_type) for element in value]
    if isinstance(value, bytes):
        return value.decode()
    return value


def shortest(value):
    """The shortest number that is this one among those of four bytes."""
    texts = (f"{value:.{digits}g}" for digits in range(1, 10))
    return next(float(text) for text in texts if struct.pack("f", float(text)) == struct.pack("f", value))


def fraction(nanoseconds):
    return "." + f"{nanoseconds:09d}".rstrip("0") if nanoseconds else ""


def rows(table):
    columns = {}
    for field in table.schema:
        column = table.column(field.name)
        if pa.types.is_timestamp(field.type):
            # Of Python's own instants the nanoseconds are gone.
            nanoseconds = column.cast(pa.timestamp("ns", field.type.tz)).cast(pa.int64()).to_pylist()
            columns[field.name] = [None if at is None else type("Instant", (), {"value": at}) for at in nanoseconds]
        else:
            columns[field.name] = column.to_pylist()
    for at in range(table.num_rows):
        told = {field.name: shown(columns[field.name][at], field.type) for field in table.schema}
        yield {name: value for name, value in told.items() if value is not None}


def write(name, table, told=True, **options):
    pq.write_table(table, HERE / f"{name}.parquet", **options)
    if told:
        lines = [json.dumps(row, ensure_ascii=False) + "\n" for row in rows(table)]
        (HERE / f"{name}.ndjson").write_text("".join(lines))


def flows():
    """Thirty flows, as a statistics office would put them into columns."""
    count = 30
    return pa.table(
        {
            "reporter": pa.array(["US", "DE", "JP"] * 10).dictionary_encode(),
            "partner": pa.array([["TH", "VN", None][at % 3] for at in range(count)]),
            "flow": pa.array(["import"] * count),
            "month": pa.array([datetime.date(2025, 1 + at % 12, 1) for at in range(count)], pa.date32()),
            "hs": pa.array(["282580", "811010"] * 15),
            "kg": pa.array([decimal.Decimal(f"{at}20455.125") for at in range(count)], pa.decimal128(20, 3)),
            "usd": pa.array([None if at % 5 == 4 else at * 1000.1 for at in range(count)], pa.float64()),
            "collector": pa.array([f"person {at}" for at in range(count)]),
        }
    )


def types():
    instants = [1741944600123456789, None, -1, 0]
    decimals = [decimal.Decimal(text) for text in ["0.01", "-0.01", "1234567.90"]] + [None]
    wide = [decimal.Decimal(text) for text in ["-99999999999999999999.999999999999999999", "0.000000000000000001"]]
    return pa.table(
        {
            "bool": pa.array([True, False, None, True]),
            "int8": pa.array([-128, 127, None, 0], pa.int8()),
            "uint32": pa.array([0, 2**32 - 1, None, 1], pa.uint32()),
            "int64": pa.array([-(2**63), 2**63 - 1, None, 0], pa.int64()),
            "uint64": pa.array([0, 2**64 - 1, None, 1], pa.uint64()),
            "float": pa.array([0.1, -2.5, math.nan, math.inf], pa.float32()),
            "double": pa.array([0.1, 1234567.891, math.nan, -math.inf]),
            "text": pa.array(['quote " and \\ and \n and \t and é中', "", None, "\x00\x1f"]),
            "plain_bytes": pa.array([b"LEGACY", b"", None, "é".encode()], pa.binary()),
            "decimal32": pa.array(decimals, pa.decimal128(9, 2)),
            "decimal64": pa.array(decimals, pa.decimal128(18, 2)),
            "decimal128": pa.array(wide + [None, decimal.Decimal(7)], pa.decimal128(38, 18)),
            "whole": pa.array([decimal.Decimal(5), decimal.Decimal(-5), None, decimal.Decimal(0)], pa.decimal128(20, 0)),
            "date": pa.array([datetime.date(1969, 12, 31), datetime.date(2024, 2, 29), None, datetime.date(1, 1, 1)]),
            "time_ms": pa.array([datetime.time(23, 59, 59, 999000), datetime.time(0), None, datetime.time(1)], pa.time32("ms")),
            "time_us": pa.array([datetime.time(23, 59, 59, 1), datetime.time(0), None, datetime.time(1)], pa.time64("us")),
            "ns": pa.array(instants, pa.timestamp("ns")),
            "us_utc": pa.array([at and at // 1000 for at in instants], pa.timestamp("us", "UTC")),
            "ms": pa.array([at and at // 10**6 for at in instants], pa.timestamp("ms")),
        }
    )


def nested():
    line = pa.struct([("hs", pa.string()), ("kg", pa.decimal128(12, 3)), ("boxes", pa.list_(pa.string()))])

    def one(hs, kg, boxes):
        return {"hs": hs, "kg": kg and decimal.Decimal(kg), "boxes": boxes}

    return pa.table(
        {
            "id": pa.array(["a", "b", "c", "d", "e"]),
            "lines": pa.array(
                [
                    [one("282580", "20455.000", ["CSQU3054383", None]), one("811010", None, [])],
                    [],
                    None,
                    [None, one(None, "1.5", None)],
                    [one("282580", "1", ["A", "B", "C"])],
                ],
                pa.list_(line),
            ),
            "grid": pa.array([[[1, 2], []], [None, [None, 3]], None, [], [[4]]], pa.list_(pa.list_(pa.int32()))),
            "ship": pa.array(
                [{"name": "X", "at": {"port": "THLCH"}}, {"name": None, "at": None}, None, {"name": "Y", "at": {"port": None}}, None],
                pa.struct([("name", pa.string()), ("at", pa.struct([("port", pa.string())]))]),
            ),
            "codes": pa.array([[("k", 1), ("l", None)], [], None, [("m", 2)], [("n", 3)]], pa.map_(pa.string(), pa.int64())),
        }
    )


def main():
    for codec in ["none", "snappy", "gzip", "zstd", "lz4", "brotli"]:
        # Three row groups; with zstd pages carry checksums.
        write(f"flows-{codec}", flows(), told=codec == "none", compression=codec, row_group_size=10, write_page_checksum=codec == "zstd")
    write("types", types(), store_decimal_as_integer=True)
    write("types-v2", types(), told=False, data_page_version="2.0", use_dictionary=False, version="2.6")
    old = types().select(["ns", "text"])
    write("int96", old, use_deprecated_int96_timestamps=True)
    write("nested", nested())
    # So many rows that they are read in several goes, with lists across pages.
    many = pa.table({"n": pa.array(range(1300)), "l": pa.array([[at] * (at % 4) for at in range(1300)], pa.list_(pa.int32()))})
    write("many", many, told=False, data_page_size=200, compression="zstd", row_group_size=700)
    ids = [uuid.UUID(int=at).bytes for at in range(2)]
    write("unfit", pa.table({"id": pa.array(["a", "b"]), "raw": pa.array(ids, pa.binary(16))}), told=False)
    write("not-text", pa.table({"id": pa.array([b"a", b"\xff\xfe"], pa.binary())}), told=False)
    write("empty", flows().slice(0, 0))


main()
