# noqa: INP001 - a program beside the notebook, not a package
"""Execute the notebook and store it with its outputs: `python notebooks/execute.py`.

What differs from run to run for no reason (times of execution, ids of cells, versions of the kernel) is taken out, so
that a difference in the stored file is a difference in what the notebook shows.
"""

from __future__ import annotations

from pathlib import Path

import nbformat
from nbclient import NotebookClient

NOTEBOOK = Path(__file__).with_name("mesos_cluster.ipynb")


def executed(path: Path = NOTEBOOK) -> nbformat.NotebookNode:
    """The notebook with fresh outputs. Raises `CellExecutionError` when a cell fails."""
    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(
        notebook, timeout=120, kernel_name="python3", resources={"metadata": {"path": str(path.parent)}}
    )
    client.execute()
    return steady(notebook)


def steady(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """The notebook without what differs from run to run for no reason."""
    notebook.metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    for number, cell in enumerate(notebook.cells, 1):
        cell.id = f"cell-{number}"
        cell.metadata = {}
        for output in cell.get("outputs", ()):
            output.pop("transient", None)
    return notebook


if __name__ == "__main__":
    nbformat.write(executed(), NOTEBOOK)
