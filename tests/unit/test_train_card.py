"""The bundled models' cards hold the figures that `evaluate` wrote, and no others."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from vbannotate.errors import UsageError
from vbannotate.models import registry
from vbannotate.train import card

FIGURES = Path(__file__).parents[2] / "benchmarks" / "figures"


@pytest.fixture(params=["base", "tiny"])
def copied(request, tmp_path):
    """A copy of a bundled model's card, with the figures that it is filled from."""
    for name in ("README.md", "config.json"):
        shutil.copy(registry.BUNDLED / request.param / name, tmp_path / name)
    parts = (f"{request.param}{part}.json" for part in ("", "-pulse", "-talk"))
    return tmp_path, [json.loads((FIGURES / part).read_text("utf-8")) for part in parts]


def test_the_card_is_what_the_figures_say(copied):
    folder, figures = copied
    before = (folder / "README.md").read_text("utf-8")
    card.fill(folder, *figures)
    assert (folder / "README.md").read_text("utf-8") == before


def test_figures_are_those_of_the_model_that_ships(copied):
    folder, figures = copied
    config = json.loads((folder / "config.json").read_text("utf-8"))
    assert {part["version"] for part in figures} == {config["version"]}
    assert figures[0]["settings"]["peak"] == figures[2]["settings"]["peak"] == config["settings"]["peak"]


def test_a_card_without_its_marks_is_left_alone(copied):
    folder, figures = copied
    (folder / "README.md").write_text("mine", "utf-8")
    with pytest.raises(UsageError, match="no part"):
        card.fill(folder, *figures)
    assert (folder / "README.md").read_text("utf-8") == "mine"
