"""The books of a log: what must hold between raw messages, movements, outputs, dead letters and the offsets of the groups.

Pure: takes what was read, gives what is wrong. Knows the topics of the contract, and nothing of how the service works inside.
"""

import json
from collections import Counter, defaultdict
from hashlib import blake2b
from typing import NamedTuple

OUTPUTS = ("assessments", "corridors", "alerts")
HEADERS = ("content-type", "entrepot-schema", "entrepot-source", "entrepot-input", "entrepot-build")
LOG_APPEND_TIME = 2
EXAMPLES = 5


class Message(NamedTuple):
    """A message as it was read; headers are pairs of a name and bytes."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: list
    timestamp_type: int = LOG_APPEND_TIME

    def header(self, name):
        """The last header of that name, as text; None where there is none."""
        found = [value for key, value in self.headers if key == name]
        return found[-1].decode("utf-8", "replace") if found else None

    def position(self):
        """TOPIC/PARTITION/OFFSET."""
        return f"{self.topic}/{self.partition}/{self.offset}"


class Books:
    """Takes messages topic by topic, in the order of each partition, and keeps of each no more than the checks need."""

    def __init__(self, prefix, raw):
        self.prefix, self.raw_topics = prefix, set(raw)
        self.raw, self.movements = set(), set()
        self.causes = Counter()  # (stage, input) -> outputs and dead letters
        self.raw_caused = {"movements": set(), "dead letters": set()}
        self.given = Counter()  # what one input gave: topic, input, hash of key and value
        self.last_cause = {}  # per output partition and input partition
        self.revisions = {}
        self.counts = Counter()
        self.ends = defaultdict(int)  # one past the last message of a partition
        self.findings = defaultdict(list)

    def take(self, message):
        """One more message of any topic."""
        self.counts[message.topic] += 1
        self.ends[message.topic, message.partition] = message.offset + 1
        name = message.topic.removeprefix(self.prefix)
        if message.topic in self.raw_topics:
            self.raw.add(message.position())
        elif name == "dead-letters":
            self._dead_letter(message)
        elif name == "movements":
            self.movements.add(message.position())
            if message.key == b"tick":
                self.counts["ticks"] += 1
            else:
                self._output(message, "ingest")
        elif name in OUTPUTS:
            self._output(message, "assess")
            self._revision(message)

    def _dead_letter(self, message):
        parts = [message.header(f"dlq.{part}") for part in ("topic", "partition", "offset")]
        if None in parts:
            self._find("envelope", f"{message.position()} does not say where it comes from")
            return
        self._cause(message, "/".join(parts), "ingest" if parts[0] in self.raw_topics else "assess")

    def _output(self, message, stage):
        missing = [name for name in HEADERS if message.header(name) is None]
        if missing:
            self._find("envelope", f"{message.position()} has no {', '.join(missing)}")
        if message.timestamp_type != LOG_APPEND_TIME:
            self._find("envelope", f"{message.position()} does not have the log's append time")
        if "entrepot-input" not in missing:
            self._cause(message, message.header("entrepot-input"), stage)

    def _cause(self, message, cause, stage):
        """Holds I4 as the messages come; keeps what I1 needs."""
        self.causes[stage, cause] += 1
        if stage == "ingest":
            is_letter = message.topic == f"{self.prefix}dead-letters"
            self.raw_caused["dead letters" if is_letter else "movements"].add(cause)
        content = blake2b(repr((message.key, message.value)).encode(), digest_size=16).digest()
        given = (message.topic, cause, content)
        self.given[given] += 1
        if self.given[given] == 2:
            self._find("I1", f"{cause} gave the same message twice to {message.topic}, again at {message.position()}")
        try:
            source, offset = cause.rsplit("/", 1)
            offset = int(offset)
        except ValueError:
            self._find("envelope", f"{message.position()}: {cause} is no position")
            return
        stream = (message.topic, message.partition, source)
        if offset < self.last_cause.get(stream, -1):
            self._find("I4", f"{message.position()} comes of {cause}, after one of {source}/{self.last_cause[stream]}")
        self.last_cause[stream] = offset

    def _revision(self, message):
        """The revisions of a key count from 1 without a gap. A record that changes its family counts anew in the other."""
        if message.value is None:
            return
        try:
            value = json.loads(message.value)
            revision = value["revision"] if "revision" in value else value["sequence"]
        except (ValueError, KeyError, TypeError):
            self._find("envelope", f"{message.position()} is no verdict")
            return
        key = (message.topic, message.key, value.get("family"))
        due = self.revisions.get(key, 0) + 1
        if revision != due:
            self._find("I1", f"{message.position()}: {message.key!r} has revision {revision} where {due} is due")
        self.revisions[key] = revision

    def _find(self, invariant, text):
        self.findings[invariant].append(text)

    def close(self, excluded=0):
        """Holds I1 where all was read: `excluded` raw messages gave nothing, on purpose; every other one gave something."""
        caused = {cause for stage, cause in self.causes if stage == "ingest"}
        for cause in sorted(caused - self.raw):
            self._find("I1", f"{cause} is named as a cause, but there is no such raw message")
        silent = self.raw - caused
        if len(silent) != excluded:
            examples = ", ".join(sorted(silent)[:EXAMPLES])
            self._find("I1", f"{len(silent)} raw messages gave nothing where {excluded} were excluded: {examples}")
        for cause in sorted({cause for stage, cause in self.causes if stage == "assess"} - self.movements):
            self._find("I1", f"{cause} is named as a cause, but there is no such movement")

    def positions(self, group, topics, committed, stable):
        """Holds I2 and I6: each partition of the topics is committed up to its last message, and not beyond its stable end."""
        for (topic, partition), end in sorted(stable.items()):
            if topic not in topics:
                continue
            at, last = committed.get((topic, partition)), self.ends.get((topic, partition), 0)
            where = f"{group} on {topic}/{partition}"
            if at is None:
                if last > 0:
                    self._find("I6", f"{where} has committed nothing of {last}")
            elif at < last:
                self._find("I6", f"{where} has committed {at} of {last}")
            elif at > end:
                self._find("I2", f"{where} has committed {at}, beyond the end {end}")

    def transactions(self, stable, ends):
        """Holds I5: nothing stands behind the last stable offset."""
        for (topic, partition), end in sorted(ends.items()):
            at = stable[topic, partition]
            if at < end:
                self._find("I5", f"{topic}/{partition}: a transaction is open from {at}, the end is {end}")

    def report(self):
        """Counts, and what is wrong by invariant."""
        return {
            "messages": dict(sorted(self.counts.items())),
            "raw": len(self.raw),
            "with_movements": len(self.raw_caused["movements"]),
            "with_dead_letters": len(self.raw_caused["dead letters"]),
            "silent": len(self.raw - self.raw_caused["movements"] - self.raw_caused["dead letters"]),
            "findings": {name: {"count": len(texts), "first": texts[:EXAMPLES]} for name, texts in sorted(self.findings.items())},
        }
