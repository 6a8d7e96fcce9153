"""Writes to and reads from a Kafka as anybody could, by another client than the service's, and holds the books of its topics.

    scripts/python tests/kafka/audit.py --bootstrap HOST:PORT [--secure DIR] [--property K=V]… COMMAND

    produce TOPIC FILE…   rows of files, a message each; a .csv row comes with the header line
    dump TOPIC…           every message, a line of JSON each, topics as given, by partition and offset
    latest TOPIC…         the last value of every key, a line each, by key (--history: every value), as `entrepot assess` prints them
    audit --raw TOPIC…    I1, I2, I4, I5, I6 and the envelopes; a report as JSON; exit 1 with what is wrong on stderr
    lag --group G TOPIC…  messages that a group has not committed

Reads only what is committed. Exit 2: cannot be done.
"""

import argparse
import base64
import json
import sys
import time
from pathlib import Path

from confluent_kafka import Consumer, ConsumerGroupTopicPartitions, IsolationLevel, KafkaError, KafkaException, Producer
from confluent_kafka import TIMESTAMP_NOT_AVAILABLE, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

from books import OUTPUTS, Books, Message

SECONDS = 60


class Failure(Exception):
    """It cannot be done; the text says why."""


class Cluster:
    """What is read and asked of a cluster, with its connection."""

    def __init__(self, bootstrap, properties):
        self.settings = {"bootstrap.servers": bootstrap, **properties}
        self.admin = AdminClient(self.settings)

    def partitions(self, topic):
        """How many partitions a topic has."""
        found = self.admin.list_topics(topic, timeout=SECONDS).topics[topic]
        if found.error is not None:
            raise Failure(f"{topic}: {found.error.str()}")
        return len(found.partitions)

    def ends(self, topics, isolation=IsolationLevel.READ_COMMITTED):
        """Where each partition ends: with READ_COMMITTED its last stable offset."""
        wanted = {TopicPartition(topic, number): OffsetSpec.latest() for topic in topics for number in range(self.partitions(topic))}
        if not wanted:
            return {}
        futures = self.admin.list_offsets(wanted, isolation_level=isolation, request_timeout=SECONDS)
        return {(at.topic, at.partition): future.result().offset for at, future in futures.items()}

    def committed(self, group):
        """Where a group stands; partitions of which it has committed nothing are left out."""
        asked = self.admin.list_consumer_group_offsets([ConsumerGroupTopicPartitions(group)], request_timeout=SECONDS)
        found = asked[group].result().topic_partitions
        return {(at.topic, at.partition): at.offset for at in found if at.offset >= 0}

    def read(self, topic, ends, begin=None):
        """The committed messages of a topic up to `ends`, partition by partition; `begin` is where to start, by partition."""
        settings = {"group.id": "entrepot-audit", "isolation.level": "read_committed", "enable.auto.commit": False}
        settings |= {"enable.partition.eof": True, "auto.offset.reset": "error", "fetch.wait.max.ms": 50, **self.settings}
        consumer = Consumer(settings)
        try:
            for partition in range(self.partitions(topic)):
                low = self._low(consumer, TopicPartition(topic, partition))
                start = max(low, (begin or {}).get((topic, partition), low))
                if start < ends[topic, partition]:
                    yield from self._partition(consumer, TopicPartition(topic, partition, start), ends[topic, partition])
        finally:
            consumer.close()

    @staticmethod
    def _low(consumer, part):
        """The first offset of a partition. Brokers that have just come back hand leadership over in their own time."""
        patience = time.monotonic() + SECONDS
        while True:
            try:
                return consumer.get_watermark_offsets(part, timeout=SECONDS)[0]
            except KafkaException as error:
                if not error.args[0].retriable() and error.args[0].code() != KafkaError.NOT_LEADER_FOR_PARTITION:
                    raise
                if time.monotonic() > patience:
                    raise
            time.sleep(0.1)

    @staticmethod
    def _partition(consumer, start, end):
        consumer.assign([start])
        patience = time.monotonic() + SECONDS
        while True:
            for got in consumer.consume(500, timeout=0.05):
                patience = time.monotonic() + SECONDS
                if got.error() is not None:
                    # Control records may stand between the last message and the end.
                    if got.error().code() == KafkaError._PARTITION_EOF:
                        return
                    raise KafkaException(got.error())
                if got.offset() >= end:
                    return
                yield got
            if time.monotonic() > patience:
                raise Failure(f"{start.topic}/{start.partition}: nothing came for {SECONDS} s before {end}")

    def lag(self, group, topics):
        """Messages that a group has not committed. Counted by reading them: ends count the marks of transactions as well."""
        ends, committed = self.ends(topics), self.committed(group)
        return sum(1 for topic in topics for _ in self.read(topic, ends, {at: committed.get(at, 0) for at in ends}))

    def await_quiet(self, groups, seconds):
        """Waits until no group lags; gives up silently, since the audit says more."""
        end = time.monotonic() + seconds
        while any(self.lag(group, topics) for group, topics in groups) and time.monotonic() < end:
            time.sleep(0.2)


def rows(path):
    """The rows of a file as values: lines, or a .csv's header line and one record each."""
    data = path.read_bytes()
    if path.suffix != ".csv":
        yield from (line for line in data.split(b"\n") if line.strip())
        return
    head, _, rest = data.partition(b"\n")
    record = b""
    for line in rest.split(b"\n"):
        record += line
        # A quoted field may hold line ends.
        if record.count(b'"') % 2:
            record += b"\n"
            continue
        if record.strip():
            yield head.rstrip(b"\r") + b"\n" + record.rstrip(b"\r") + b"\n"
        record = b""


def produce(cluster, args):
    settings = {"partitioner": "murmur2_random", "linger.ms": 5, "enable.idempotence": args.idempotent, **cluster.settings}
    producer, failures, sent, began = Producer(settings), [], 0, time.monotonic()

    def delivered(error, _):
        if error is not None:
            failures.append(error.str())

    for path in args.files:
        for value in rows(path):
            key = json.loads(value).get(args.key_field) if args.key_field else None
            while True:
                try:
                    producer.produce(args.topic, value, key, headers=[("entrepot-file", path.name)], on_delivery=delivered)
                    break
                except BufferError:
                    producer.poll(0.1)
            sent += 1
            producer.poll(0)
            if args.rate:
                due = began + sent / args.rate
                while (left := due - time.monotonic()) > 0:
                    producer.poll(left)
    producer.flush()
    if failures:
        raise Failure(f"{len(failures)} of {sent} messages were not taken, the first: {failures[0]}")
    print(json.dumps({"topic": args.topic, "messages": sent, "seconds": round(time.monotonic() - began, 3)}))


def text(data):
    return None if data is None else base64.b64encode(data).decode()


def dump(cluster, args):
    ends = cluster.ends(args.topics)
    for topic in args.topics:
        for got in cluster.read(topic, ends):
            kind, at = got.timestamp()
            message = {"topic": topic, "partition": got.partition(), "offset": got.offset(), "timestamp": at}
            message["timestamp_type"] = {1: "create", 2: "log_append"}.get(kind, "none")
            message |= {"key_base64": text(got.key()), "value_base64": text(got.value())}
            message["headers"] = [[name, text(value)] for name, value in got.headers() or []]
            print(json.dumps(message))


def latest(cluster, args):
    ends = cluster.ends(args.topics)
    for topic in args.topics:
        values = {}
        for got in cluster.read(topic, ends):
            kept = values.setdefault(got.key() or b"", [])
            if not args.history:
                kept.clear()
            kept.append(got.value())
        for _, kept in sorted(values.items()):
            for value in kept:
                if value is not None:
                    sys.stdout.buffer.write(value + b"\n")


def audit(cluster, args):
    movements = f"{args.prefix}movements"
    groups = [(args.group_ingest or f"{args.prefix}ingest", args.raw), (args.group_assess or f"{args.prefix}assess", [movements])]
    if args.ingest_only:
        groups.pop()
    if args.wait:
        cluster.await_quiet(groups, args.wait)
    outputs = [f"{args.prefix}{name}" for name in (*OUTPUTS, "dead-letters")]
    topics = [*args.raw, movements, *outputs]
    books = Books(args.prefix, args.raw)
    # Outputs first: what comes in while this reads has its causes in what is read later.
    for topic in reversed(topics):
        for got in cluster.read(topic, cluster.ends([topic])):
            kind, _ = got.timestamp()
            assert kind != TIMESTAMP_NOT_AVAILABLE
            headers = [(name, value or b"") for name, value in got.headers() or []]
            books.take(Message(topic, got.partition(), got.offset(), got.key(), got.value(), headers, kind))
    books.close(args.excluded)
    stable = cluster.ends(topics)
    for group, read in groups:
        books.positions(group, read, cluster.committed(group), stable)
    ours = [topic for topic in topics if topic not in args.raw]
    books.transactions(stable, cluster.ends(ours, IsolationLevel.READ_UNCOMMITTED))
    report = books.report()
    print(json.dumps(report, indent=1))
    for name, found in report["findings"].items():
        print(f"{name}: {found['count']} findings\n  " + "\n  ".join(found["first"]), file=sys.stderr)
    return 1 if report["findings"] else 0


def lag(cluster, args):
    print(cluster.lag(args.group, args.topics))


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bootstrap", required=True)
    parser.add_argument("--secure", type=Path, metavar="DIR", help="folder of a secure cluster of scripts/kafka; connects as --user")
    parser.add_argument("--user", default="admin")
    parser.add_argument("--property", action="append", default=[], metavar="K=V", help="any property of librdkafka")
    commands = parser.add_subparsers(dest="command", required=True)
    command = commands.add_parser("produce")
    command.add_argument("topic")
    command.add_argument("files", nargs="+", type=Path)
    command.add_argument("--rate", type=float, help="messages a second at most")
    command.add_argument("--idempotent", action="store_true")
    command.add_argument("--key-field", metavar="NAME", help="the key is this field of the JSON row")
    for name in ("dump", "latest", "lag"):
        command = commands.add_parser(name)
        command.add_argument("topics", nargs="+")
        if name == "latest":
            command.add_argument("--history", action="store_true")
        if name == "lag":
            command.add_argument("--group", required=True)
    command = commands.add_parser("audit")
    command.add_argument("--prefix", default="entrepot.")
    command.add_argument("--raw", nargs="+", required=True, metavar="TOPIC")
    command.add_argument("--group-ingest")
    command.add_argument("--group-assess")
    command.add_argument("--ingest-only", action="store_true", help="nothing assesses")
    command.add_argument("--excluded", type=int, default=0, help="raw messages that gave nothing on purpose")
    command.add_argument("--wait", type=float, metavar="SECONDS", help="wait until nothing lags, at most so long")
    return parser.parse_args()


def main():
    args = arguments()
    properties = dict(entry.split("=", 1) for entry in args.property)
    if args.secure:
        password = (args.secure / f"{args.user}.password").read_text().strip()
        properties |= {"security.protocol": "SASL_SSL", "ssl.ca.location": str(args.secure / "ca.pem")}
        properties |= {"sasl.mechanism": "SCRAM-SHA-512", "sasl.username": args.user, "sasl.password": password}
    try:
        return {"produce": produce, "dump": dump, "latest": latest, "audit": audit, "lag": lag}[args.command](
            Cluster(args.bootstrap, properties), args
        )
    except (Failure, KafkaException, OSError) as error:
        print(f"audit: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
