"""`python -m benchmarks`: ratio tables against whichever peers are installed, medians of one run, 2 threads for all."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from . import report, run

PAGE = Path(__file__).parents[1] / "docs" / "benchmarks.md"


def main(argv: list[str] | None = None) -> int:
    """Measure, print the tables and write them."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="measurements of each figure, of which the median counts")
    parser.add_argument("--json", type=Path, help="write all figures with versions and machine to this file")
    parser.add_argument("--only", choices=run.BENCHMARKS, help="measure this part alone, and write no page unless --markdown names one")
    parser.add_argument("--markdown", type=Path, help="write the tables to this file (default: docs/benchmarks.md)")
    options = parser.parse_args(argv)
    found = run.collect(options.rounds, options.only)
    result: dict[str, Any] = {"machine": report.machine(), "versions": report.versions(), **found._asdict()}
    text = report.markdown(result)
    print(text)
    if options.json:
        options.json.write_text(json.dumps(result, indent=1) + "\n")
    page = options.markdown or (None if options.only else PAGE)
    if page:
        page.write_text(text)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
