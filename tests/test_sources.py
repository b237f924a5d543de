"""What every file of the product keeps to."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("gtfs", "mobility", "payments", "providers")
NOT_OURS = {"LICENSE", "requirements.txt", "requirements-dev.txt", "docs/openapi.json"}
LONGEST = 400
UNFINISHED = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")
PLACE_OF_A_MACHINE = re.compile(r"(?<![\w.~/-])/(work|root|home|Users)(/|\b)")


def product_files() -> list[Path]:
    """Every file under version control, or about to be, but the tests."""
    try:
        listed = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            cwd=ROOT,
            capture_output=True,
            check=True,
        ).stdout.decode()
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("needs git and a clone, to know which files are ours")
    names = (name for name in listed.split("\0") if name and not name.startswith("tests/"))
    return [ROOT / name for name in names if name not in NOT_OURS and (ROOT / name).is_file()]


def matches(pattern: re.Pattern[str]) -> list[str]:
    found = []
    for path in product_files():
        if b"\0" in (content := path.read_bytes()):
            continue
        for number, line in enumerate(content.decode().splitlines(), 1):
            if pattern.search(line):
                found.append(f"{path.relative_to(ROOT)}:{number}: {line.strip()}")
    return found


def test_nothing_is_left_to_be_done():
    assert matches(UNFINISHED) == []


def test_nothing_names_a_place_of_one_machine():
    assert matches(PLACE_OF_A_MACHINE) == []


def test_a_source_file_answers_one_question():
    lengths = {
        str(path.relative_to(ROOT)): len(path.read_text(encoding="utf-8").splitlines())
        for package in PACKAGES
        for path in (ROOT / package).rglob("*.py")
    }

    assert {name: length for name, length in lengths.items() if length > LONGEST} == {}
