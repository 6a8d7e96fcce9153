"""deploy/compose.registry.yaml: what it sets, as compose resolves it and as the program itself reads it.

    registry.py ENTREPOT COMPOSE     the paths of the programs
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
FILES = ["deploy/compose.yaml", "deploy/compose.registry.yaml"]
CONFIG = '[[feeds]]\nname = "bills"\nformat = "avro"\n'
URL = "https://registry.example:8443"
SECRETS = "/run/secrets"


def resolved(compose, given):
    command = [compose, *(word for file in FILES for word in ("-f", ROOT / file)), "config", "--format", "json"]
    ended = subprocess.run(command, env={"PATH": os.environ["PATH"], **given}, capture_output=True, text=True, check=False)
    if ended.returncode != 0:
        raise RuntimeError(ended.stderr)
    return json.loads(ended.stdout)


def checked(program, service, files):
    """What `entrepot check` says in the environment of a service, its secrets and its folder where they lie on this machine."""
    here = {f"{SECRETS}/{secret['source']}": files[secret["source"]]["file"] for secret in service["secrets"]}
    here |= {volume["target"]: volume["source"] for volume in service["volumes"] if volume["type"] == "bind"}
    environment = {}
    for name, value in service["environment"].items():
        for target, source in here.items():
            value = value.replace(target, source)
        environment[name] = value
    ended = subprocess.run([program, "check"], env=environment, capture_output=True, text=True, check=False)
    return ended.stdout if ended.returncode == 0 else f"exits {ended.returncode}: {ended.stderr}"


def faults(program, compose, folder):
    (folder / "entrepot.toml").write_text(CONFIG)
    (folder / "password").write_text("hunter2\n")
    (folder / "ca.pem").write_text("-----BEGIN CERTIFICATE-----\nbm9uZQ==\n-----END CERTIFICATE-----\n")
    bare = {"CONFIG_FOLDER": str(folder), "REGISTRY_URL": URL}
    user = {"REGISTRY_USERNAME": "me", "REGISTRY_PASSWORD_FILE": str(folder / "password")}
    whole = {**bare, **user, "REGISTRY_CA_FILE": str(folder / "ca.pem")}
    for given, name, password, ca in [(bare, "", "", ""), (whole, "me", "***", str(folder / "ca.pem"))]:
        found = resolved(compose, given)
        for service in ("topics", "entrepot"):
            said = checked(program, found["services"][service], found["secrets"])
            table = f'[schema_registry]\nurl = "{URL}"\nusername = "{name}"\npassword = "{password}"\nca_file = "{ca}"\n'
            for words in (table, "# feed bills: topic bills, avro by the schema registry", 'bootstrap_servers = "kafka:9092"'):
                if words not in said:
                    yield f"{service}: entrepot check does not say {words}:\n{said}"
            if "hunter2" in said:
                yield f"{service}: entrepot check says the password"
    for missing in bare:
        try:
            resolved(compose, {name: value for name, value in bare.items() if name != missing})
            yield f"it is taken without {missing}"
        except RuntimeError as error:
            if missing not in str(error):
                yield f"it is refused without {missing}, but not for that: {error}"


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as work:
        sys.exit("\n".join(faults(*sys.argv[1:3], pathlib.Path(work))) or 0)
