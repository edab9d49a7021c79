"""Figures and the pieces of tables."""

from __future__ import annotations

Figures = dict[str, dict[str, float]]


def table(header: list[str], rows: list[list[str]]) -> str:
    """Markdown."""
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])


def get(figures: Figures, job: str, figure: str) -> float | None:
    """None if it was not measured."""
    return figures.get(job, {}).get(figure)


def ratio(value: float | None, base: float | None) -> str:
    """With two digits."""
    return f"{value / base:.2f}" if value and base else "–"


def micro(value: float | None) -> str:
    """Microseconds, with digits after the point where there are few before it."""
    return "–" if value is None else f"{value * 1e6:.2f}" if value < 1e-5 else f"{value * 1e6:,.0f}"
