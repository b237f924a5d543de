"""All benchmarks, one after another: ``python -m benchmarks``; 1 when an answer was wrong."""

from __future__ import annotations

import sys

from benchmarks import kernel


def main() -> int:
    """Run each; the highest exit status."""
    return max(benchmark.main() for benchmark in (kernel,))


if __name__ == "__main__":
    sys.exit(main())
