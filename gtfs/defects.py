"""What is wrong with a feed: where it stands, what kind of fault it is, what we did about it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import Enum, StrEnum


class Severity(Enum):
    """How much of the feed a defect costs."""

    NOTE = "note"
    WARNING = "warning"
    ERROR = "error"


class Kind(StrEnum):
    """The kinds of defects."""

    MISSING_FILE = "missing file"
    EMPTY_FILE = "empty file"
    UNKNOWN_FILE = "unknown file"
    MISSING_COLUMN = "missing column"
    UNKNOWN_COLUMN = "unknown column"
    ENCODING = "encoding"
    LINE_ENDS = "line ends"
    RAGGED_ROW = "ragged row"
    QUOTES = "quotes"
    MISSING_VALUE = "missing value"
    BAD_VALUE = "bad value"
    DUPLICATE = "duplicate"
    UNKNOWN_REFERENCE = "unknown reference"
    CONTRADICTION = "contradiction"
    BACKWARDS = "backwards in time"
    UNUSED = "unused"
    UNSUPPORTED = "not used by the search"
    UNSOLD = "sold by nobody"
    OUTSIDE = "outside the city"


@dataclass(frozen=True, slots=True)
class Defect:
    """One defect: where it stands (row 1 is the header, None the whole file) and what we did."""

    file: str
    row: int | None
    field: str
    problem: str
    action: str
    kind: Kind
    severity: Severity = Severity.WARNING


KEPT_PER_KIND = 1_000
"""So many defects of one kind in one column are kept with their rows; all are counted."""


@dataclass(slots=True)
class Report:
    """The defects of a feed, in the order they were met.

    A fault that a million rows share would fill the memory: `findings` holds the first
    `KEPT_PER_KIND` of each (file, field, kind, severity), `counts` how many there are.
    """

    findings: list[Defect] = field(default_factory=list)
    counts: Counter[tuple[str, str, Kind, Severity]] = field(default_factory=Counter)

    def add(
        self,
        file: str,
        row: int | None,
        column: str,
        kind: Kind,
        problem: str,
        action: str,
        severity: Severity = Severity.WARNING,
    ) -> None:
        """Note one defect."""
        key = (file, column, kind, severity)
        self.counts[key] += 1
        if self.counts[key] <= KEPT_PER_KIND:
            self.findings.append(Defect(file, row, column, problem, action, kind, severity))

    def add_rows(
        self,
        file: str,
        rows: Iterable[int],
        column: str,
        kind: Kind,
        problem: str | Callable[[int], str],
        action: str,
        severity: Severity = Severity.WARNING,
    ) -> None:
        """Note the same defect of many rows; `problem(i)` words that of the i-th."""
        key = (file, column, kind, severity)
        for i, row in enumerate(rows):
            self.counts[key] += 1
            if self.counts[key] <= KEPT_PER_KIND:
                words = problem if isinstance(problem, str) else problem(i)
                self.findings.append(Defect(file, row, column, words, action, kind, severity))

    def note(self, file: str, column: str, kind: Kind, problem: str, action: str) -> None:
        """Note something about a whole file that costs nothing."""
        self.add(file, None, column, kind, problem, action, Severity.NOTE)


class FeedError(Exception):
    """The feed cannot serve anybody; the message says what is wrong, where, and what to do.

    `report` holds the defects met until then.
    """

    def __init__(self, message: str, report: Report | None = None) -> None:
        super().__init__(message)
        self.report = report or Report()
