"""Every fault in a derivative rule is caught by the laws, or explained."""

from __future__ import annotations

import pytest

from .proof import PAGE, headline, prove


@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_no_fault_survives_unexplained_and_the_page_says_so() -> None:
    proof = prove()
    assert len(proof.verdicts) >= 1000
    assert [verdict.key for verdict in proof.unexplained()] == []
    assert headline(proof) in PAGE.read_text(), "run python -m tests.mutation --write"


def test_the_proof_itself_on_one_primitive() -> None:
    proof = prove(["exp", "floor"], jobs=1)
    caught = {verdict.key for verdict in proof.verdicts if verdict.law is not None}
    assert {"exp.x: negated", "exp.x: times 1.001", "exp.x: result detached", "exp.x: as float64 or float32"} <= caught
    assert proof.unexplained() == []
    assert "floor.x: negated" not in caught
