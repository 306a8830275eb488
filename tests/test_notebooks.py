"""The committed notebooks: complete, clean, in order. `tests/workflow/test_workflow.py` runs them."""

import subprocess
import sys

import nbformat
import papermill
import pytest
from click.testing import CliRunner
from papermill.__main__ import papermill as papermill_command

from helpers.config import Config
from helpers.paths import ROOT

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
# Parameters of notebooks that are not fields of `Config`
OWN = {"attentions", "sample", "queries", "method", "layer", "target", "results", "beside", "real"}
OWN |= {"details"}


@pytest.fixture(params=NOTEBOOKS, ids=lambda path: path.stem)
def path(request):
    return request.param


@pytest.fixture
def notebook(path):
    return nbformat.read(path, as_version=4)


@pytest.fixture
def code(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def test_every_notebook_is_there():
    assert [path.stem for path in NOTEBOOKS] == [
        "01_prepare_data",
        "02_train_resnet50",
        "03_train_inception_resnet_v2",
        "04_evaluate_pgd",
        "05_question_the_attack",
        "06_explain_gradcam",
        "07_judge_claims",
    ]


def test_it_is_small_and_its_cells_are_short(path, code):
    assert path.stat().st_size < 1_500_000
    assert len(code) <= 30
    assert all(len(cell.source.splitlines()) <= 20 for cell in code[1:])  # the first one imports


def test_it_was_run_from_top_to_bottom_without_errors_or_warnings(code):
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    outputs = [output for cell in code for output in cell.outputs]
    assert outputs
    assert not any(output.output_type == "error" or output.get("name") == "stderr" for output in outputs)


def test_it_shows_no_path_of_the_machine_it_ran_on(path):
    text = path.read_text()
    assert str(ROOT) not in text
    assert not any(folder in text for folder in ("/home/", "/root/", "/tmp/", "/Users/", "/work/"))


def test_it_opens_and_closes_like_every_notebook(notebook, code):
    opening = notebook.cells[0].source
    assert opening.startswith("# ")
    assert "?**" in opening  # its one question
    assert "**Needs**" in notebook.cells[0].source + notebook.cells[1].source
    assert "**Takes**" in opening
    headings = [cell.source for cell in notebook.cells if cell.cell_type == "markdown"]
    for heading in ("## What we saw", "## Exercises", "## Versions and parameters"):
        assert any(heading in text for text in headings), heading
    assert "versions()" in code[-1].source


def test_prose_comes_before_the_code(notebook):
    kinds = "".join("c" if cell.cell_type == "code" else "m" for cell in notebook.cells)
    assert "cccc" not in kinds.replace("mccc", "m", 1)  # imports, parameters, configuration may follow each other


def test_its_parameters_are_literals_with_a_help_comment_and_a_known_name(path, code):
    tagged = [cell for cell in code if "parameters" in cell.metadata.get("tags", [])]
    assert len(tagged) == 1
    parameters = papermill.inspect_notebook(path)
    assert len(parameters) == len(tagged[0].source.splitlines())
    for name, parameter in parameters.items():
        assert name in Config.model_fields or name in OWN, name
        assert parameter["help"], name
        assert parameter["inferred_type_name"] != "None", name


def test_papermill_lists_its_parameters_from_elsewhere(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(papermill_command, ["--help-notebook", str(path)])
    assert result.exit_code == 0, result.output
    assert all(f"  {name}: " in result.output for name in papermill.inspect_notebook(path))


def test_papermill_alone_runs_a_notebook_from_elsewhere_with_parameters_of_a_file_and_as_yaml(tmp_path):
    (tmp_path / "mine.yaml").write_text("results: results/quick\nbeside: ''\nreal: ''\n")
    words = [str(ROOT / "notebooks" / "07_judge_claims.ipynb"), "out.ipynb", "-f", "mine.yaml", "-k", "python3"]
    result = subprocess.run(
        [sys.executable, "-m", "papermill", *words, "-y", "details: no-sacrifice"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr[-3000:]
    cells = nbformat.read(tmp_path / "out.ipynb", as_version=4).cells
    printed = "".join(output.get("text", "") for cell in cells for output in cell.get("outputs", []))
    assert "profile quick" in printed
    assert "no-sacrifice: clean accuracy" in printed
    assert "no results of real images" in printed
