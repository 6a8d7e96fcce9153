"""Tries the auditor: whole books must pass, and each mutant of them must be found. First in memory, then on a real, secure broker."""

import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from audit import rows
from books import Books, Message

ROOT = Path(__file__).resolve().parents[2]
INPUTS = 12
TOPICS = {"raw": 2, "entrepot.movements": 2, "entrepot.assessments": 2, "entrepot.corridors": 2, "entrepot.alerts": 2}
TOPICS["entrepot.dead-letters"] = 1


def common(cause):
    given = {"content-type": b"application/json", "entrepot-schema": b"x/1", "entrepot-source": cause.encode()}
    return list({**given, "entrepot-input": cause.encode(), "entrepot-build": b"test"}.items())


def letter(topic, partition, offset):
    origin = {"dlq.topic": topic, "dlq.partition": str(partition), "dlq.offset": str(offset)}
    return [(name, value.encode()) for name, value in origin.items()]


def ingest(message):
    """What a stage like ours makes of a raw message: every fifth is bad, every other becomes a movement."""
    if message.value.endswith(b"bad\n"):
        return [("entrepot.dead-letters", 0, message.key, message.value, letter(*message[:3]))]
    cause = message.position()
    return [("entrepot.movements", message.partition, b"SB", message.value, common(cause))]


def assess(message, revisions):
    """What a stage like ours makes of a movement: the next revision of one verdict each in two topics."""
    made = []
    for topic in ("entrepot.assessments", "entrepot.corridors"):
        key = b"%d" % (message.offset % 3) + b"/%d" % message.partition
        revisions[topic, key] += 1
        value = json.dumps({"family": "SB", "revision": revisions[topic, key]}).encode()
        made.append((topic, message.partition, key, value, common(message.position())))
    return made


class World:
    """The books of a run without fault, as messages by topic."""

    def __init__(self):
        self.topics = {name: [] for name in TOPICS}
        revisions = Counter()
        for number in range(INPUTS):
            value = b"%d bad\n" % number if number % 5 == 4 else b"%d\n" % number
            self.put("raw", number % 2, None, value, [])
        self.put("entrepot.movements", 0, b"tick", b"{}", [])
        for message in self.topics["raw"]:
            for made in ingest(message):
                self.put(*made)
        for message in self.topics["entrepot.movements"]:
            for made in assess(message, revisions):
                self.put(*made)
        self.committed = self.ends()
        self.stable = self.ends()
        self.open = self.ends()

    def put(self, topic, partition, key, value, headers):
        offset = sum(1 for message in self.topics[topic] if message.partition == partition)
        self.topics[topic].append(Message(topic, partition, offset, key, value, headers))

    def ends(self):
        counts = Counter((message.topic, message.partition) for topic in self.topics.values() for message in topic)
        return {(topic, partition): counts[topic, partition] for topic in TOPICS for partition in range(TOPICS[topic])}

    def renumber(self, topic):
        """Offsets anew, after a message was put in or taken out."""
        at = Counter()
        for place, message in enumerate(self.topics[topic]):
            self.topics[topic][place] = message._replace(offset=at[message.partition])
            at[message.partition] += 1

    def findings(self, excluded=0):
        books = Books("entrepot.", ["raw"])
        for messages in self.topics.values():
            for message in messages:
                books.take(message)
        books.close(excluded)
        books.positions("ingest", ["raw"], self.committed, self.stable)
        books.positions("assess", ["entrepot.movements"], self.committed, self.stable)
        books.transactions(self.stable, self.open)
        return {name: found["first"] for name, found in books.report()["findings"].items()}


def doubled(world, topic):
    world.topics[topic].append(world.topics[topic][1])
    world.renumber(topic)


def lost(world, topic):
    del world.topics[topic][1]
    world.renumber(topic)


def swapped(world, topic):
    """Two neighbours of one partition, neither of them a tick."""
    mine = [place for place, message in enumerate(world.topics[topic]) if message.partition == 0 and message.key != b"tick"]
    first, second = mine[1], mine[2]
    world.topics[topic][first], world.topics[topic][second] = world.topics[topic][second], world.topics[topic][first]
    world.renumber(topic)


def foreign(world):
    """A movement of a raw message that was never there, as an aborted or truncated one is."""
    world.put("entrepot.movements", 1, b"SB", b"99\n", common("raw/1/99"))


def uncommitted(world):
    world.committed["raw", 0] -= 1


def beyond(world):
    world.committed["entrepot.movements", 1] += 5


def unassigned(world):
    del world.committed["entrepot.movements", 0]


def hanging(world):
    world.open["entrepot.corridors", 0] += 3


def bare(world):
    world.topics["entrepot.alerts"].append(Message("entrepot.alerts", 0, 0, b"k", b'{"sequence":1}', []))


def own_time(world):
    topic = world.topics["entrepot.movements"]
    topic[1] = topic[1]._replace(timestamp_type=1)


MUTANTS = [
    ("I1", doubled, "entrepot.movements"), ("I1", doubled, "entrepot.dead-letters"), ("I1", doubled, "entrepot.assessments"),
    ("I1", lost, "entrepot.movements"), ("I1", lost, "entrepot.dead-letters"), ("I1", lost, "entrepot.corridors"),
    ("I1", foreign), ("I4", swapped, "entrepot.movements"), ("I4", swapped, "entrepot.assessments"),
    ("I2", beyond), ("I6", uncommitted), ("I6", unassigned), ("I5", hanging), ("envelope", bare), ("envelope", own_time),
]  # fmt: skip


def in_memory():
    assert World().findings() == {}, World().findings()
    assert "I1" in World().findings(excluded=1), "a raw message too few that gave nothing"
    for invariant, mutate, *topic in MUTANTS:
        world = World()
        mutate(world, *topic)
        found = world.findings()
        assert invariant in found, f"{mutate.__name__} {topic}: {found}"
    with tempfile.NamedTemporaryFile(suffix=".csv") as file:
        file.write(b'a,b\r\n1,"x\ny"\r\n2,z\r\n')
        file.flush()
        assert list(rows(Path(file.name))) == [b'a,b\n1,"x\ny"\n', b"a,b\n2,z\n"], list(rows(Path(file.name)))
    return len(MUTANTS)


class Live:
    """The same on a broker, through the command line."""

    def __init__(self, facts):
        self.facts = facts
        self.settings = {"bootstrap.servers": facts["bootstrap"], "security.protocol": "SASL_SSL", "ssl.ca.location": facts["ca"]}
        password = Path(facts["users"]["admin"]).read_text().strip()
        self.settings |= {"sasl.mechanism": facts["mechanism"], "sasl.username": "admin", "sasl.password": password}
        config = {"message.timestamp.type": "LogAppendTime"}
        topics = [NewTopic(name, count, 1, config=config if name != "raw" else {}) for name, count in TOPICS.items()]
        admin = AdminClient(self.settings)
        for future in admin.create_topics(topics).values():
            future.result()

    def audit(self, *arguments):
        command = [sys.executable, ROOT / "tests/kafka/audit.py", "--bootstrap", self.facts["bootstrap"]]
        done = subprocess.run([*command, "--secure", self.facts["dir"], *arguments], capture_output=True, text=True)
        return done.returncode, done.stdout, done.stderr

    def done(self, *arguments):
        code, out, err = self.audit(*arguments)
        assert code == 0, f"{arguments}: {code} {out} {err}"
        return out

    def found(self, invariant):
        code, out, err = self.audit("audit", "--raw", "raw")
        assert code == 1 and invariant in json.loads(out)["findings"] and f"{invariant}: " in err, f"{invariant}: {code} {out} {err}"

    def stage(self, name, topic, stage):
        """One pass of a stage: first a transaction that is aborted, then the same again, committed with its offsets."""
        consumer = Consumer({**self.settings, "group.id": f"entrepot.{name}", "isolation.level": "read_committed",
                             "enable.auto.commit": False, "enable.partition.eof": True})  # fmt: skip
        consumer.assign([TopicPartition(topic, partition, 0) for partition in range(TOPICS[topic])])
        read, finished = [], 0
        while finished < TOPICS[topic]:
            got = consumer.poll(10)
            assert got is not None, f"{topic} ends nowhere"
            if got.error() is not None:
                finished += 1
            else:
                read.append(Message(topic, got.partition(), got.offset(), got.key(), got.value(), []))
        producer = Producer({**self.settings, "transactional.id": f"entrepot.{name}.test-0"})
        producer.init_transactions(30)
        made = [made for message in read for made in stage(message)]
        ends = {message.partition: message.offset + 1 for message in read}
        for is_good in (False, True):
            producer.begin_transaction()
            for to, partition, key, value, headers in made:
                producer.produce(to, value, key, partition, headers=headers)
            producer.flush()
            if is_good:
                offsets = [TopicPartition(topic, partition, end) for partition, end in ends.items()]
                producer.send_offsets_to_transaction(offsets, consumer.consumer_group_metadata())
                producer.commit_transaction()
            else:
                producer.abort_transaction()
        consumer.close()


def on_a_broker(live):
    folder = Path(live.facts["dir"])
    (folder / "a.ndjson").write_text('{"id":"x"}\n\n{"id":"y"}\n')
    (folder / "b.csv").write_text("head\n" + "".join(f"{n}{' bad' if n % 5 == 4 else ''}\n" for n in range(10)))
    sent = json.loads(live.done("produce", "raw", str(folder / "a.ndjson"), "--key-field", "id", "--idempotent"))
    assert sent["messages"] == 2, sent
    assert json.loads(live.done("produce", "raw", str(folder / "b.csv"), "--rate", "200"))["messages"] == 10
    raw = [json.loads(line) for line in live.done("dump", "raw").splitlines()]
    assert [(at["partition"], at["offset"]) for at in raw] == sorted((at["partition"], at["offset"]) for at in raw)
    assert {name for at in raw for name, _ in at["headers"]} == {"entrepot-file"} and {at["timestamp_type"] for at in raw} == {"create"}
    live.found("I6")
    revisions = Counter()
    live.stage("ingest", "raw", ingest)
    live.stage("assess", "entrepot.movements", lambda message: assess(message, revisions))
    assert live.done("lag", "--group", "entrepot.ingest", "raw").strip() == "0"
    report = json.loads(live.done("audit", "--raw", "raw", "--wait", "10"))
    assert (report["raw"], report["with_movements"], report["with_dead_letters"], report["silent"]) == (12, 10, 2, 0), report
    history = live.done("latest", "entrepot.corridors", "--history").splitlines()
    last = live.done("latest", "entrepot.corridors").splitlines()
    assert len(history) == 10 and len(last) == len({key for topic, key in revisions}), (history, last)

    hanging = Producer({**live.settings, "transactional.id": "stuck"})
    hanging.init_transactions(30)
    hanging.begin_transaction()
    hanging.produce("entrepot.alerts", b"{}", b"k")
    hanging.flush()
    live.found("I5")
    hanging.abort_transaction()
    live.done("audit", "--raw", "raw")
    stranger = Producer(live.settings)
    stranger.produce("entrepot.dead-letters", b"", None, 0, headers=letter("raw", 7, 7))
    stranger.flush()
    live.found("I1")


def main():
    mutants = in_memory()
    script, name = ROOT / "scripts/kafka", f"audit-{os.getpid()}"
    up = subprocess.run([script, "up", name, "--secure", "--owner", str(os.getpid())], stdout=subprocess.PIPE, check=True)
    try:
        on_a_broker(Live(json.loads(up.stdout)))
    finally:
        subprocess.run([script, "down", name], check=True)
    print(f"auditor: {mutants} mutants of the books found, and on a broker an open transaction, a lag and a stranger")


if __name__ == "__main__":
    main()
