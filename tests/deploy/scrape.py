"""A real Prometheus scrapes the real service on a real Kafka while it works through the bundled sample; then every expression of dashboard and alerts must
have an answer, every metric that is named must be there, and the alert of a service that ended must be on its way.

    scrape.py ENTREPOT     the path of the program
"""

import contextlib
import json
import math
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request

import dashboard
import promql

ROOT = pathlib.Path(__file__).resolve().parents[2]
KAFKA = str(ROOT / "scripts/kafka")
# What does not come within this time does not come.
PATIENCE_SECONDS = 120
CONFIG = """
global: {{scrape_interval: 200ms, scrape_timeout: 200ms, evaluation_interval: 1s}}
rule_files: ["{rules}"]
scrape_configs:
  - {{job_name: entrepot, static_configs: [{{targets: ["127.0.0.1:{port}"]}}]}}
"""
VARIABLES = {"$job": "entrepot", "$instance": ".+", "$__rate_interval": "1m"}


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def get(url):
    with urllib.request.urlopen(url, timeout=10) as answer:
        return answer.read().decode()


class Watched:
    """Prometheus and the service, in a folder of their own."""

    def __init__(self, program, folder):
        self.program, self.folder = program, folder
        self.service_port, self.port = free_port(), free_port()
        self.processes = {}
        self.cluster = f"scrape-{os.getpid()}"
        up = subprocess.run([KAFKA, "up", self.cluster, "--owner", str(os.getpid())], stdout=subprocess.PIPE, text=True, check=True)
        self.bootstrap = json.loads(up.stdout)["bootstrap"]

    def start(self, name, command):
        with open(self.folder / f"{name}.out", "w") as out, open(self.folder / f"{name}.err", "w") as err:
            self.processes[name] = subprocess.Popen(command, cwd=self.folder, stdout=out, stderr=err, stdin=subprocess.DEVNULL)

    def until(self, what, answer):
        """Asks until there is an answer that is true."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            with contextlib.suppress(urllib.error.URLError, ConnectionError, TimeoutError):
                if found := answer():
                    return found
            for name, process in self.processes.items():
                if process.poll() is not None:
                    raise RuntimeError(f"{name} ended: {(self.folder / f'{name}.err').read_text()[-2000:]}")
            time.sleep(0.1)
        raise RuntimeError(f"{what}: not within {PATIENCE_SECONDS} s")

    def prometheus(self):
        config = self.folder / "prometheus.yaml"
        config.write_text(CONFIG.format(rules=ROOT / "deploy/prometheus/rules.yaml", port=self.service_port))
        self.start("prometheus", [
            "prometheus", f"--config.file={config}", f"--storage.tsdb.path={self.folder / 'tsdb'}",
            f"--web.listen-address=127.0.0.1:{self.port}", "--log.level=warn",
        ])

    def service(self):
        settings = [
            f"service.http_listen=127.0.0.1:{self.service_port}", "log.kind=kafka", "topics.replication_factor=1",
            f"log.kafka.bootstrap_servers={self.bootstrap}", "snapshots.url=snapshots", "snapshots.every_records=1000",
        ]
        sets = [word for setting in settings for word in ("--set", setting)]
        self.start("entrepot", [self.program, "--log", "json", *sets, "run", "--sample"])

    def api(self, path, **arguments):
        return json.loads(get(f"http://127.0.0.1:{self.port}/api/v1/{path}?{urllib.parse.urlencode(arguments)}"))["data"]

    def query(self, expr):
        return self.api("query", query=expr)["result"]

    def page(self):
        return get(f"http://127.0.0.1:{self.service_port}/metrics")

    def end(self, name):
        process = self.processes.pop(name)
        process.send_signal(signal.SIGTERM)
        return process.wait(timeout=60)


def expressions():
    """(where it stands, expression, labels that its answer must have) of the dashboard and of the left sides of the alerts."""
    board = dashboard.dashboard()
    shown = [(panel["title"], target) for panel in board["panels"] for target in panel.get("targets", [])]
    for title, target in shown:
        yield f"panel {title}", target["expr"], set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]))
    for note in board["annotations"]["list"]:
        yield f"annotation {note['name']}", promql.sides(note["expr"])[0], set()
    for rule in dashboard.rules():
        said = set(re.findall(r"\$labels\.(\w+)", " ".join(rule["annotations"].values())))
        for number, side in enumerate(promql.sides(rule["expr"])):
            yield f"alert {rule['alert']}", side, said if number == 0 else set()


def faults_of_answers(watched, names, labels):
    for place, expr, wanted in expressions():
        for metric in promql.metrics(expr):
            if metric not in names:
                yield f"{place}: there is no {metric} on /metrics"
        for label in promql.grouped_by(expr) - labels:
            yield f"{place}: no metric has a label {label}: {expr}"
        asked = expr
        for variable, value in VARIABLES.items():
            asked = asked.replace(variable, value)
        try:
            answer = watched.query(asked)
        except urllib.error.HTTPError as error:
            yield f"{place}: {json.loads(error.read())['error']}: {asked}"
            continue
        if not answer:
            yield f"{place}: no answer: {asked}"
        for sample in answer:
            if math.isnan(float(sample["value"][1])):
                yield f"{place}: is not a number: {asked}"
            if not wanted <= sample["metric"].keys():
                yield f"{place}: its answer lacks {wanted - sample['metric'].keys()}: {asked}"


def faults_of_alerts(watched):
    """Prometheus evaluates the rules as they are shipped; on a service that is well none fires but the age of the bundle."""
    for group in watched.api("rules")["groups"]:
        for rule in group["rules"]:
            if rule["health"] != "ok":
                yield f"alert {rule['name']}: {rule['health']}: {rule.get('lastError')}"
            if rule["state"] != "inactive" and rule["name"] not in ("EntrepotDown", "EntrepotReferenceStale"):
                yield f"alert {rule['name']} is {rule['state']} though nothing is wrong"


def faults(watched):
    watched.prometheus()
    # Before the service is there: so counters are seen at 0 and seen to rise.
    watched.until("Prometheus looks for the service", lambda: watched.query('up{job="entrepot"} == 0'))
    watched.service()
    watched.until("the sample is shown", lambda: "running until Ctrl-C" in (watched.folder / "entrepot.out").read_text())
    page = watched.page()
    consumed = sum(int(line.split()[-1]) for line in page.splitlines() if line.startswith("entrepot_records_consumed_total{"))
    total = f'sum(entrepot_records_consumed_total{{job="entrepot"}}) == {consumed}'
    watched.until("Prometheus has seen all of it", lambda: watched.query(total))
    watched.until("all rules were evaluated", lambda: all(
        rule["health"] != "unknown" for group in watched.api("rules")["groups"] for rule in group["rules"]
    ))

    linted = subprocess.run(["promtool", "check", "metrics"], input=page, capture_output=True, text=True, check=False)
    if linted.returncode != 0 or linted.stdout or linted.stderr:
        yield f"promtool check metrics: {linted.stdout}{linted.stderr}"
    names = set(re.findall(r"^(\w+)(?:\{| )", page, re.MULTILINE))
    labels = set(re.findall(r'(\w+)="', page)) | {"job", "instance"}
    yield from faults_of_answers(watched, names, labels)
    yield from faults_of_alerts(watched)

    ready = ROOT / "deploy/ready"
    for path, port, good in [("readyz", watched.service_port, True), ("healthz", watched.service_port, True),
                             ("nowhere", watched.service_port, False), ("readyz", free_port(), False)]:
        ended = subprocess.run([ready, path, str(port)], capture_output=True, check=False)
        if (ended.returncode == 0) != good:
            yield f"deploy/ready {path} exits {ended.returncode}"

    code = watched.end("entrepot")
    if code != 0:
        yield f"entrepot exits {code} after SIGTERM"
    watched.until("EntrepotDown is on its way", lambda: any(
        alert["labels"].get("scope") == "instance" and alert["labels"]["alertname"] == "EntrepotDown"
        for alert in watched.api("alerts")["alerts"]
    ))


def main():
    with tempfile.TemporaryDirectory() as folder:
        watched = Watched(str(pathlib.Path(sys.argv[1]).resolve()), pathlib.Path(folder))
        try:
            found = list(faults(watched))
        finally:
            for process in watched.processes.values():
                process.kill()
                process.wait()
            subprocess.run([KAFKA, "down", watched.cluster], check=False)
    sys.exit("\n".join(found) or 0)


if __name__ == "__main__":
    main()
