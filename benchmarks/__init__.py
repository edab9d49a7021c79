"""Benchmarks against whichever peers are installed: `python -m benchmarks`."""
