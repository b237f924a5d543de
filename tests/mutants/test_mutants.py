"""Tests of the tests: every planted fault must be noticed by the tests that are there for it.

``MUTANTS`` says how many are planted, 0 is all of them; ``SEED`` which, or a part of their names in
``ONLY``.
"""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.mutants.table import MUTANTS, Mutant

N_PLANTED = int(os.environ.get("MUTANTS", "2"))
SEED = int(os.environ.get("SEED", "0")) or random.SystemRandom().randrange(10**9)
ONLY = os.environ.get("ONLY", "")
ROOT = Path(__file__).parent.parent.parent
COPIED = ("gtfs", "mobility", "payments", "providers", "tests")


class Field:
    """A copy of the sources to plant faults in, and the run of tests on it."""

    def __init__(self, folder: Path, servers: dict[str, str]) -> None:
        self.folder = folder
        self._servers = servers
        for name in COPIED:
            shutil.copytree(
                ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__")
            )
        shutil.copy(ROOT / "pyproject.toml", folder)
        # Kernels are kept by their file's path: each run here compiles what its tests ask for.
        (folder / ".mobility").symlink_to(ROOT / ".mobility")

    def run(self, *tests: str) -> subprocess.CompletedProcess[str]:
        """The tests, to the first that fails."""
        options = "-m pytest -x -q -n 0 -p no:cacheprovider --timeout 600"
        environment = {
            **os.environ,
            **self._servers,
            "PYTHONPATH": str(self.folder),
            "PYTHONDONTWRITEBYTECODE": "1",
            "SCHEDULES": "10",
            "ORDERS": "10",
        }
        return subprocess.run(
            [sys.executable, *options.split(), *tests],
            cwd=self.folder,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=900,
        )

    @contextmanager
    def planted(self, mutant: Mutant) -> Iterator[None]:
        """The copy with the fault in it, taken out again at the end of the block."""
        (name,) = places_of(mutant, self.folder)
        file = self.folder / name
        sound = file.read_text(encoding="utf-8")
        file.write_text(sound.replace(mutant.old, mutant.new), encoding="utf-8")
        yield
        file.write_text(sound, encoding="utf-8")


def places_of(mutant: Mutant, root: Path = ROOT) -> list[str]:
    """Where its piece stands, each place once: in its file, else in another one of the package."""
    package = root / Path(mutant.file).parts[0]
    others = sorted(str(path.relative_to(root)) for path in package.rglob("*.py"))
    for files in ([mutant.file], others):
        found = [
            file
            for file in files
            if (root / file).is_file()
            for _ in range((root / file).read_text(encoding="utf-8").count(mutant.old))
        ]
        if found:
            return found
    return []


@pytest.fixture
def field(tmp_path: Path, database_url: str, redis_url: str) -> Field:
    return Field(tmp_path / "copy", {"DATABASE_URL": database_url, "REDIS_URL": redis_url})


def test_each_fault_can_be_planted_in_one_place() -> None:
    places = {mutant.name: places_of(mutant) for mutant in MUTANTS}
    assert {name: found for name, found in places.items() if len(found) != 1} == {}
    assert len(MUTANTS) >= 30
    assert [m.name for m in MUTANTS if not (ROOT / m.tests.partition("::")[0]).is_file()] == []


@pytest.mark.timeout(3600)
def test_every_planted_fault_is_noticed(field: Field) -> None:
    chosen = random.Random(SEED).sample(MUTANTS, N_PLANTED or len(MUTANTS))
    chosen = [mutant for mutant in chosen if ONLY in mutant.name]
    planted_in = sorted({mutant.tests for mutant in chosen})
    sound = field.run(*planted_in)
    assert sound.returncode == 0, f"without a fault:\n{sound.stdout[-3000:]}"
    unnoticed = []
    for mutant in chosen:
        with field.planted(mutant):
            done = field.run(mutant.tests)
        noticed = done.returncode == 1
        sys.stdout.write(f"{'noticed' if noticed else 'NOT NOTICED'}: {mutant.name}\n")
        sys.stdout.flush()
        if not noticed:
            unnoticed.append((mutant.name, mutant.tests, done.returncode))
    sys.stdout.write(f"{len(chosen) - len(unnoticed)} of {len(chosen)} noticed, SEED={SEED}\n")
    assert unnoticed == []
