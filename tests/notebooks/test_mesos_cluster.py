"""The notebook runs from top to bottom, and what is stored of it is what it shows."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

nbformat = pytest.importorskip("nbformat", reason="the extra `notebook` is not installed")
NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
EXECUTE = runpy.run_path(str(NOTEBOOKS / "execute.py"), run_name="execute")


@pytest.fixture(scope="module")
def stored():
    return nbformat.read(EXECUTE["NOTEBOOK"], as_version=4)


@pytest.fixture(scope="module")
def fresh():
    return EXECUTE["executed"]()


def kinds(notebook):
    """What each cell shows: the kinds of its outputs."""
    return [
        [tuple(sorted(output.get("data", {output["output_type"]: ""}))) for output in cell.get("outputs", ())]
        for cell in notebook.cells
    ]


def text(notebook):
    """All that is shown, as one text."""
    shown = []
    for cell in notebook.cells:
        for output in cell.get("outputs", ()):
            shown += [output.get("text", ""), *map(str, output.get("data", {}).values())]
    return "\n".join(shown)


def test_is_a_valid_notebook_of_a_moderate_size(stored):
    nbformat.validate(stored)
    assert EXECUTE["NOTEBOOK"].stat().st_size < 400_000


def test_stored_outputs_are_of_the_kinds_that_a_run_gives(stored, fresh):
    assert kinds(stored) == kinds(fresh)


def test_the_cluster_is_built_grown_and_deleted(fresh):
    shown = text(fresh)
    for status in ("CREATE_COMPLETE", "UPDATE_COMPLETE", "DELETE_COMPLETE"):
        assert status in shown
    assert "Agent[9]" in shown or "agent-9" in shown


def test_no_cell_failed_or_wrote_to_the_error_stream(stored, fresh):
    for notebook in (stored, fresh):
        for cell in notebook.cells:
            for output in cell.get("outputs", ()):
                assert output["output_type"] != "error"
                assert output.get("name") != "stderr", output["text"]


def test_nothing_of_the_machine_it_ran_on_is_stored(stored):
    assert str(NOTEBOOKS.parent) not in text(stored)
    assert str(Path.home()) + "/" not in text(stored)
