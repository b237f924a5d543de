"""The stored OpenAPI document: ``python -m mobility.openapi --check|--write docs/openapi.json``."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from mobility.app import create_app


def render() -> str:
    """The document of this version, the same bytes on every machine."""
    return json.dumps(create_app().openapi(), indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def main(arguments: list[str] | None = None) -> int:
    """Write the document, or check that the stored one is what this version serves."""
    parser = argparse.ArgumentParser(prog="python -m mobility.openapi", description=__doc__)
    action = parser.add_mutually_exclusive_group(required=True)
    action.add_argument("--check", action="store_true", help="1 when the file differs")
    action.add_argument("--write", action="store_true", help="write the file")
    parser.add_argument("path", type=Path)
    asked = parser.parse_args(arguments)
    current = render()
    if asked.write:
        asked.path.parent.mkdir(parents=True, exist_ok=True)
        asked.path.write_text(current, encoding="utf-8")
        return 0
    if asked.path.exists() and asked.path.read_text(encoding="utf-8") == current:
        return 0
    sys.stderr.write(
        f"{asked.path} is not what this version serves; "
        f"run: python -m mobility.openapi --write {asked.path}\n"
    )
    return 1


if __name__ == "__main__":
    sys.exit(main())
