"""`python -m tests.mutation`: how many faults in the derivative rules the laws catch. `--write` puts it on docs/mutation_proof.md."""

from __future__ import annotations

import argparse
import sys

from .proof import PAGE, prove, report


def main(argv: list[str] | None = None) -> int:
    """Run the proof; 1 if an unexplained fault survives."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description=__doc__)
    parser.add_argument("--only", nargs="*", help="primitives to look at (default: all)")
    parser.add_argument("-j", "--jobs", type=int, default=2, help="processes")
    parser.add_argument("--write", action="store_true", help=f"write {PAGE.name}")
    options = parser.parse_args(argv)
    proof = prove(options.only, options.jobs)
    text = report(proof)
    print(text)
    if options.write:
        PAGE.write_text(text)
    return 1 if proof.unexplained() else 0


if __name__ == "__main__":
    sys.exit(main())
