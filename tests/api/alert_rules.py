"""The rules of deploy/alerts.yml, and what of them fires on scraped metrics.

Prometheus' own evaluator is a Go program; the rules keep to ``metric{label="value"} op number``,
which is little to evaluate. How long a condition must hold (``for``) is left to Prometheus.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import yaml
from prometheus_client.parser import text_string_to_metric_families

ROOT = Path(__file__).parents[2]
_EXPRESSION = re.compile(r'([a-z_]+)(?:\{([a-z_]+)="([^"{}]*)"\})? (<|>|==|!=) ([0-9]+)')
_OPERATORS: dict[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    ">": operator.gt,
    "==": operator.eq,
    "!=": operator.ne,
}


@dataclass(frozen=True)
class Rule:
    """An alert with its expression taken apart."""

    name: str
    metric: str
    label: tuple[str, str] | None
    compare: Callable[[float, float], bool]
    bound: float
    severity: str
    summary: str
    runbook: str


def read_rules() -> dict[str, Rule]:
    """All rules by name. Raises ValueError for an expression of another form."""
    document = yaml.safe_load((ROOT / "deploy" / "alerts.yml").read_text())
    rules = {}
    for group in document["groups"]:
        for rule in group["rules"]:
            found = _EXPRESSION.fullmatch(rule["expr"])
            if found is None or rule["alert"] in rules:
                raise ValueError(f"{rule['alert']}: {rule['expr']}")
            metric, label, value, comparison, bound = found.groups()
            rules[rule["alert"]] = Rule(
                name=rule["alert"],
                metric=metric,
                label=(label, value) if label else None,
                compare=_OPERATORS[comparison],
                bound=float(bound),
                severity=rule["labels"]["severity"],
                summary=rule["annotations"]["summary"],
                runbook=rule["annotations"]["runbook_url"],
            )
    return rules


def list_series(scraped: str) -> dict[str, list[tuple[dict[str, str], float]]]:
    """What was scraped: by metric its series, each with its labels and value."""
    found: dict[str, list[tuple[dict[str, str], float]]] = {}
    for family in text_string_to_metric_families(scraped):
        for sample in family.samples:
            found.setdefault(sample.name, []).append((sample.labels, sample.value))
    return found


def list_firing(scraped: str) -> set[str]:
    """The names of the rules whose expression holds for some series."""
    series = list_series(scraped)
    return {
        rule.name
        for rule in read_rules().values()
        for labels, value in series.get(rule.metric, [])
        if (rule.label is None or labels.get(rule.label[0]) == rule.label[1])
        and rule.compare(value, rule.bound)
    }
