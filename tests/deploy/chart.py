"""The Helm chart: lint, values that must be taken or refused, manifests against the schemas of Kubernetes and of the Prometheus operator,
and the configuration that it makes against the program itself.

    chart.py ENTREPOT     the path of the program
"""

import copy
import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
import urllib.parse

import kubernetes_validate
import yaml
from cloudcoil.models.prometheus_operator import v1 as operator
from helm_python import chart, errors

ROOT = pathlib.Path(__file__).resolve().parents[2]
# A copy without symbolic links, as `helm package` makes it; Helm reports each link that it follows.
CHART = pathlib.Path(tempfile.mkdtemp()) / "entrepot"
# The oldest that the chart allows, one between, the newest that the package knows.
KUBERNETES = ["1.29", "1.33", "1.37"]
SECRETS = "/run/secrets"
# Enough for who reads it and does not use it.
CERTIFICATE = "-----BEGIN CERTIFICATE-----\nbm9uZQ==\n-----END CERTIFICATE-----\n"


def value_sets(folder):
    for file in sorted((ROOT / "tests/deploy" / folder).glob("*.yaml")):
        yield file, yaml.safe_load(file.read_text())


def render(values):
    with chart.Chart.load(CHART) as loaded:
        loaded.validate_schema(values)
        rendered = loaded.render(values, name="trial", namespace="trade")
    texts = [text for path, text in sorted(rendered.items()) if path.endswith(".yaml")]
    return [document for text in texts for document in yaml.safe_load_all(text) if document]


def unknown_fields(given, taken, path=""):
    """Fields that the operator's model did not take: it drops what it does not know."""
    if isinstance(given, dict):
        for key, value in given.items():
            if not isinstance(taken, dict) or key not in taken:
                yield f"{path}.{key}"
            else:
                yield from unknown_fields(value, taken[key], f"{path}.{key}")
    elif isinstance(given, list):
        for index, value in enumerate(given):
            yield from unknown_fields(value, taken[index] if index < len(taken) else None, f"{path}[{index}]")


def faults_of_schema(document):
    kind = document["kind"]
    if document["apiVersion"].startswith("monitoring.coreos.com/"):
        try:
            model = getattr(operator, kind).model_validate(copy.deepcopy(document))
        except ValueError as error:
            yield f"{kind}: {error}"
            return
        taken = json.loads(model.model_dump_json(by_alias=True, exclude_unset=True))
        yield from (f"{kind}: unknown field {field}" for field in unknown_fields(document, taken))
        return
    for version in KUBERNETES:
        try:
            kubernetes_validate.validate(document, version, strict=True)
        except kubernetes_validate.ValidationError as error:
            yield f"{kind}, Kubernetes {version}: {'.'.join(map(str, error.path))}: {error.message}"


def needed_ports(values):
    """Where a pod has something to ask: names, brokers, the schema registry."""
    policy, ports = values.get("networkPolicy", {}), set()
    if values.get("log", {}).get("kind", "kafka") == "kafka":
        ports |= {*policy.get("kafkaPorts", [9092])}
    if url := values.get("schemaRegistry", {}).get("url"):
        parts = urllib.parse.urlsplit(url)
        ports |= {*policy.get("registryPorts", [])} or {parts.port or {"http": 80, "https": 443}[parts.scheme]}
    return ports | {53} if ports else ports


def faults_of_pod(documents, values):
    kinds = {document["kind"]: document for document in documents}
    spec = kinds["StatefulSet"]["spec"]
    pod = spec["template"]["spec"]
    labels = spec["template"]["metadata"]["labels"]
    for name, selector in [
        ("StatefulSet", spec["selector"]["matchLabels"]),
        ("Service", kinds["Service"]["spec"]["selector"]),
        *((kind, kinds[kind]["spec"]["selector"]["matchLabels"]) for kind in ("PodDisruptionBudget",) if kind in kinds),
        *((kind, kinds[kind]["spec"]["podSelector"]["matchLabels"]) for kind in ("NetworkPolicy",) if kind in kinds),
    ]:
        if not selector.items() <= labels.items():
            yield f"{name} does not select the pods"
    if "ServiceMonitor" in kinds:
        monitor, service = kinds["ServiceMonitor"]["spec"], kinds["Service"]
        if not monitor["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items():
            yield "ServiceMonitor does not select the service"
        if service["metadata"]["labels"][monitor["jobLabel"]] != "entrepot":
            yield "ServiceMonitor does not give the job the name that the rules look for"
        if monitor["endpoints"][0]["port"] not in {port["name"] for port in service["spec"]["ports"]}:
            yield "ServiceMonitor asks a port that the service does not have"
    if "NetworkPolicy" in kinds:
        rules = kinds["NetworkPolicy"]["spec"]["egress"]
        open_ports = {port["port"] for rule in rules for port in rule["ports"]}
        if needed_ports(values) != open_ports:
            yield f"NetworkPolicy lets out to ports {open_ports}, needed are {needed_ports(values)}"
    drain = values.get("drainTimeoutSeconds", 15)
    if pod["terminationGracePeriodSeconds"] < drain + 5:
        yield "the pod is killed before its drain is over"
    security = pod["securityContext"]
    if not security["runAsNonRoot"] or security["seccompProfile"] != {"type": "RuntimeDefault"}:
        yield "the pod may be root, or call what it likes"
    volumes = {volume["name"] for volume in pod["volumes"]}
    volumes |= {claim["metadata"]["name"] for claim in spec.get("volumeClaimTemplates", [])}
    for container in [*pod.get("initContainers", []), *pod["containers"]]:
        own = container["securityContext"]
        if not own["readOnlyRootFilesystem"] or own["allowPrivilegeEscalation"] or own["capabilities"] != {"drop": ["ALL"]}:
            yield f"{container['name']}: can do more than it needs"
        for mount in container["volumeMounts"]:
            if mount["name"] not in volumes:
                yield f"{container['name']}: mounts {mount['name']}, which no volume has"
        names = {variable["name"]: variable for variable in container["env"]}
        if names["ENTREPOT__SERVICE__INSTANCE"].get("valueFrom") != {"fieldRef": {"fieldPath": "metadata.name"}}:
            yield f"{container['name']}: its instance is not its pod's name"
        if not {"limits", "requests"} <= container["resources"].keys():
            yield f"{container['name']}: asks for no resources"
    serving = pod["containers"][0]
    probes = {name: serving[name]["httpGet"]["path"] for name in ("startupProbe", "livenessProbe", "readinessProbe")}
    if probes != {"startupProbe": "/healthz", "livenessProbe": "/healthz", "readinessProbe": "/readyz"}:
        yield f"probes ask {probes}"
    if ("PodDisruptionBudget" in kinds) != (values.get("replicas", 1) > 1):
        yield "a budget is for two replicas and more"


def faults_of_configuration(documents, program):
    """What the program itself says of the configuration that the chart makes, in the environment that the chart sets."""
    container = next(d for d in documents if d["kind"] == "StatefulSet")["spec"]["template"]["spec"]["containers"][0]
    data = next(d for d in documents if d["kind"] == "ConfigMap" and "entrepot.toml" in d["data"])["data"]
    with tempfile.TemporaryDirectory() as folder:
        here = pathlib.Path(folder)
        mounts = tuple(f"{mount['mountPath']}/" for mount in container["volumeMounts"])
        for secret in re.findall(rf'"{SECRETS}/([^"]+)"', data["entrepot.toml"]):
            if not f"{SECRETS}/{secret}".startswith(mounts):
                yield f"{SECRETS}/{secret} is read, and lies below no mount"
            (here / secret).parent.mkdir(exist_ok=True)
            (here / secret).write_text(CERTIFICATE if secret.endswith(".pem") else "not a secret\n")
        for name, text in data.items():
            (here / name).write_text(text.replace(SECRETS, folder))
        environment = {v["name"]: v.get("value", "trial-entrepot-0") for v in container["env"]}
        command = [program, "--config", here / "entrepot.toml", "check"]
        ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        if ended.returncode != 0:
            yield f"entrepot check exits {ended.returncode}: {ended.stderr.strip()}\n{data['entrepot.toml']}"
        for said in ('instance = "trial-entrepot-0"', 'http_listen = "0.0.0.0:9464"'):
            if said not in ended.stdout:
                yield f"entrepot check does not say {said}:\n{ended.stdout}"


def faults_of_copies(documents, values):
    """Rules and dashboard in the cluster are those of the folder."""
    base = values.get("monitoring", {}).get("runbookBase", "")
    for document in documents:
        if document["kind"] == "PrometheusRule":
            text = (ROOT / "deploy/prometheus/rules.yaml").read_text().replace("docs/runbooks/", f"{base}docs/runbooks/")
            if document["spec"] != yaml.safe_load(text):
                yield "PrometheusRule is not deploy/prometheus/rules.yaml"
        if document["kind"] == "ConfigMap" and "entrepot.json" in document["data"]:
            if document["data"]["entrepot.json"] != (ROOT / "deploy/grafana/entrepot.json").read_text():
                yield "the dashboard's ConfigMap is not deploy/grafana/entrepot.json"


def config_hash(documents):
    pod = next(d for d in documents if d["kind"] == "StatefulSet")["spec"]["template"]
    return pod["metadata"]["annotations"]["entrepot/config-sha256"]


def faults(program):
    report = chart.lint(CHART, strict=True)
    yield from report["errors"]
    # Severity 1 is a hint; the only one is that there is no icon.
    yield from (f"lint: {m['path']}: {m['error']}" for m in report["messages"] if m["severity"] > 1)
    version = tomllib.loads((ROOT / "Cargo.toml").read_text())["package"]["version"]
    with chart.Chart.load(CHART) as loaded:
        if loaded.metadata["appVersion"] != version:
            yield f"Chart.yaml: appVersion is not {version}, as in Cargo.toml"
    kinds = set()
    for file, values in value_sets("values"):
        documents = render(values)
        kinds |= {document["kind"] for document in documents}
        found = [fault for document in documents for fault in faults_of_schema(document)]
        found += faults_of_pod(documents, values)
        found += faults_of_configuration(documents, program)
        found += faults_of_copies(documents, values)
        yield from (f"{file.name}: {fault}" for fault in found)
        changed = {**values, "config": values.get("config", "") + "\n[ingest]\npayload_bytes_max = 2000000\n"}
        if config_hash(render(changed)) == config_hash(documents):
            yield f"{file.name}: a changed configuration does not restart the pods"
    missing = {"ServiceMonitor", "PrometheusRule", "PodDisruptionBudget", "NetworkPolicy"} - kinds
    yield from (f"no value set shows {kind}" for kind in sorted(missing))
    for file, values in value_sets("refused"):
        expected = re.match(r"# refused: (.*)", file.read_text()).group(1)
        try:
            render(values)
            yield f"{file.name}: is taken, and should not be"
        except errors.HelmError as error:
            if expected not in str(error):
                yield f"{file.name}: is refused, but not for {expected}: {error}"


if __name__ == "__main__":
    shutil.copytree(ROOT / "deploy/helm/entrepot", CHART)
    try:
        found = list(faults(str(pathlib.Path(sys.argv[1]).resolve())))
    finally:
        shutil.rmtree(CHART.parent)
    sys.exit("\n".join(found) or 0)
