"""The program that is measured, and what a measurement is told on the command line."""

import argparse
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent


def arguments(out):
    parser = argparse.ArgumentParser()
    parser.add_argument("--entrepot", default=str(ROOT / "target/release/entrepot"))
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--out", default=str(ROOT / out))
    return parser.parse_args()


class Program:
    """The program that is measured, in a folder where no configuration stands."""

    def __init__(self, path, folder):
        self.path, self.folder = str(Path(path).resolve()), folder

    def run(self, *arguments):
        done = subprocess.run([self.path, "-q", *map(str, arguments)], cwd=self.folder, capture_output=True, text=True)
        if done.returncode != 0:
            sys.exit(f"{' '.join(map(str, arguments))}: exit {done.returncode}: {done.stderr}")
        return done.stdout

    def version(self):
        return subprocess.run([self.path, "--version"], capture_output=True, text=True, check=True).stdout.split()[-1]
