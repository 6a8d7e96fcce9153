"""Writes messages.ndjson: the same values in Confluent's frame by several makers, each with the schema as its registry got it.

python3 -m venv VENV; VENV/bin/pip install -r tests/framed/requirements.txt; VENV/bin/python tests/framed/generate.py
"""

import datetime
import decimal
import importlib
import io
import json
import pathlib
import sys
import tempfile

import avro.io
import avro.schema
from confluent_kafka.schema_registry import Schema, SchemaReference, SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroSerializer
from confluent_kafka.schema_registry.protobuf import ProtobufSerializer
from confluent_kafka.serialization import MessageField, SerializationContext
from grpc_tools import protoc

HERE = pathlib.Path(__file__).parent
UTC = datetime.timezone.utc
LINE = {
    "id": "MAEU1/1", "party": {"name": "Müller \"& Söhne\""}, "pieces": -3, "grams": 20455000,
    "mass": 20455.25, "seal": b"\xff\x00",
    "value": decimal.Decimal("-123.45"), "flow": "export", "on": datetime.date(2025, 3, 14),
    "at": datetime.datetime(2025, 3, 21, 4, 0, 0, 500000, UTC), "boxes": ["CSQU3054383", "MSKU1"], "notes": {"k": "v"},
}
LINE_JSON = LINE | {"seal": "/wA=", "value": "-123.45", "on": "2025-03-14", "at": "2025-03-21T04:00:00.5Z"}


def avro_messages(registry):
    texts = {name: (HERE / f"{name}.avsc").read_text() for name in ("line", "party")}
    registry.register_schema("party", Schema(texts["party"], "AVRO"))
    schema = Schema(texts["line"], "AVRO", [SchemaReference("trade.Party", "party", 1)])
    context = SerializationContext("lines", MessageField.VALUE)
    message = AvroSerializer(registry, schema)(LINE, context)
    references = [{"name": "trade.Party", "text": texts["party"]}]
    case = {"form": "avro", "schema": texts["line"], "references": references, "json": LINE_JSON}
    yield case | {"maker": "confluent-kafka with fastavro", "message": message.hex()}

    whole = json.loads(texts["line"])
    whole["fields"][1]["type"] = json.loads(texts["party"])
    written = io.BytesIO()
    avro.io.DatumWriter(avro.schema.parse(json.dumps(whole))).write(LINE, avro.io.BinaryEncoder(written))
    framed = b"\0" + message[1:5] + written.getvalue()
    case |= {"schema": json.dumps(whole), "references": []}
    yield case | {"maker": "Apache Avro for Python, framed by hand", "message": framed.hex()}


def protobuf_messages(registry):
    with tempfile.TemporaryDirectory() as folder:
        arguments = ["protoc", f"-I{HERE}", f"-I{pathlib.Path(protoc.__file__).parent / '_proto'}", f"--python_out={folder}"]
        if protoc.main([*arguments, "party.proto", "line.proto"]):
            sys.exit("protoc failed")
        sys.path.insert(0, folder)
        importlib.import_module("party_pb2")
        line = importlib.import_module("line_pb2")
        bill = line.Bill(mass={"value": 1.5}, at={"seconds": 1742529600}, weights={"b": 2, "a": 2**40})
        bill.shipper.name = "Müller"
        bill.lines.add(id="MAEU1/1", grams=[300, 2**63], change=-2, flow=line.FLOW_IMPORT, seal=b"\xff\x00")
        expected = {
            "lines": [{"id": "MAEU1/1", "grams": [300, 2**63], "change": -2, "flow": "FLOW_IMPORT", "seal": "/wA="}],
            "shipper": {"name": "Müller"}, "at": "2025-03-21T04:00:00Z", "mass": 1.5, "weights": {"a": 2**40, "b": 2},
        }
        inner = {"id": "L", "change": 5}
        cases = [
            ("the first message", bill, expected),
            ("a nested message", line.Bill.Line(**inner), inner),
            ("the second message", line.Other(note="n"), {"note": "n"}),
            ("a nested message behind a map", line.Manifest.Box(number="C1"), {"number": "C1"}),
        ]
        for what, value, told in cases:
            context = SerializationContext(what.replace(" ", "-"), MessageField.VALUE)
            serialise = ProtobufSerializer(type(value), registry, {"use.deprecated.format": False})
            message = serialise(value, context)
            stored = registry.get_schema(int.from_bytes(message[1:5], "big"))
            texts = {name: (HERE / name).read_text() for name in ("party.proto", "line.proto")}
            references = [{"name": "party.proto", "text": texts["party.proto"]}]
            case = {"form": "protobuf", "message": message.hex(), "references": references, "json": told}
            yield case | {"maker": f"confluent-kafka, {what}", "schema": texts["line.proto"]}
            yield case | {"maker": f"confluent-kafka, {what}, schema as registered", "schema": stored.schema_str}


def main():
    registry = SchemaRegistryClient.new_client({"url": "mock://golden"})
    cases = [*avro_messages(registry), *protobuf_messages(registry)]
    lines = (json.dumps(case, ensure_ascii=False, sort_keys=True) for case in cases)
    (HERE / "messages.ndjson").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
