"""PromQL as far as the checks need it: the parts of an expression without their thresholds, and the names in it. No parser."""

import re

TOKEN = re.compile(r'"(?:\\.|[^"\\])*"|[\w:.$]+|==|!=|>=|<=|=~|!~|\s+|.')
COMPARISONS = {"==", "!=", ">=", "<=", ">", "<"}


def sides(expr):
    """What stands before each threshold: of `a > 1 and on (x) b < 2` that is a, and b."""
    parts, depth, beyond = [""], 0, False
    for token in TOKEN.findall(expr):
        if depth == 0 and token in ("and", "or", "unless"):
            parts.append("")
            beyond = False
            continue
        depth += token in "([{"
        depth -= token in ")]}"
        beyond = beyond or (depth == 0 and token in COMPARISONS)
        if not beyond:
            parts[-1] += token
    return [re.sub(r"^\s*(on|ignoring)\s*\([^)]*\)", "", part).strip() for part in parts]


def metrics(expr):
    """Names of our metrics and of the process's."""
    return set(re.findall(r"\b(?:entrepot|process)_\w+", re.sub(r'"[^"]*"', "", expr)))


def grouped_by(expr):
    """Labels that `by`, `on`, … name."""
    lists = re.findall(r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\(([^)]*)\)", expr)
    return {label.strip() for one in lists for label in one.split(",") if label.strip()}
