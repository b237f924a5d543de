"""What the documents name is there, and what must be in them is."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FOLDERS = "gtfs|payments|providers|mobility|docs|tests|benchmarks|deploy|web"
NAMED = re.compile(rf"`((?:{FOLDERS})/[\w./*-]+)`")
LINK = re.compile(r"!?\[[^\]]*\]\((?!https?:|mailto:)([^)#]+)[^)]*\)")
DOCUMENTS = sorted(
    [*ROOT.glob("*.md")]
    + [path for folder in FOLDERS.split("|") for path in (ROOT / folder).rglob("*.md")]
)
PACKAGES = ("gtfs", "mobility", "payments", "providers")
PICTURES = ROOT / "docs/img"


def is_there(name: str) -> bool:
    """A file, a folder, or at least one match of a pattern."""
    return any(ROOT.glob(name.rstrip("/")))


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_what_a_document_names_is_there(path: Path):
    text = path.read_text(encoding="utf-8")
    links = {link for link in LINK.findall(text) if not (path.parent / link).exists()}
    if not PICTURES.exists():
        links = {link for link in links if not link.endswith(".png")}

    missing = {name for name in NAMED.findall(text) if not is_there(name)} | links

    assert missing == set()


def test_every_decision_is_listed():
    folder = ROOT / "docs/decisions"
    listed = re.findall(r"\((\d{4}-[\w-]+\.md)\)", (folder / "README.md").read_text("utf-8"))

    assert listed == sorted(path.name for path in folder.glob("[0-9]*.md"))


def test_every_dependency_says_why_it_is_there():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = [*project["dependencies"], *project["optional-dependencies"]["dev"]]
    names = {re.split(r"[\[<>=;!~ ]", requirement, maxsplit=1)[0] for requirement in wanted}
    record = (ROOT / "docs/decisions/0013-dependencies.md").read_text(encoding="utf-8")

    assert {name for name in names if f"`{name}`" not in record} == set()


def test_every_word_of_the_glossary_is_the_code_s():
    rows = [
        line.split("|")[3]
        for line in (ROOT / "docs/GLOSSARY.md").read_text(encoding="utf-8").splitlines()
        if line.startswith("|") and not line.startswith("|-")
    ]
    names = {name for row in rows for name in re.findall(r"`([^`/]+)`", row)}
    files = [path for package in PACKAGES for path in (ROOT / package).rglob("*.py")]
    code = "\n".join(path.read_text(encoding="utf-8") for path in files)
    modules = {".".join(path.relative_to(ROOT).with_suffix("").parts) for path in files}
    modules |= {module.removesuffix(".__init__") for module in modules}

    unknown = {
        name
        for name in names - modules
        if not all(re.search(rf"\b{part}\b", code) for part in name.split("."))
    }

    assert len(names) > 50
    assert unknown == set()
