"""What keeps the house in order: one set of pins, arrows that run downward, a front door that says what it does."""

import ast
import re
import subprocess
import sys
import tomllib

import pytest
import yaml

from helpers.paths import ROOT

ANYWHERE = {"config", "paths", "files", "backend", "progress"}
ALLOWED = {
    "networks": ANYWHERE,
    "phantoms": ANYWHERE | {"datasets"},
    "datasets": ANYWHERE | {"phantoms"},
    "training": ANYWHERE | {"networks", "datasets", "attacks"},
    "attacks": ANYWHERE | {"networks", "datasets"},
    "explain": ANYWHERE | {"networks", "phantoms", "datasets", "attacks", "judge"},
    "judge": ANYWHERE,
    "show": ANYWHERE - {"backend"} | {"phantoms", "judge", "explain"},
}


def requirements():
    lines = (ROOT / "requirements.txt").read_text().splitlines()
    return [line.split("#")[0].strip() for line in lines if line.split("#")[0].strip()]


def imports(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (
                [f"helpers.{alias.name}" for alias in node.names] if node.module == "helpers" else [node.module]
            )


def test_every_package_is_pinned_once():
    names = [line.split("==")[0].lower().replace("_", "-") for line in requirements()]
    assert all(re.fullmatch(r"[\w.-]+==[\w.]+", line) for line in requirements())
    assert len(names) == len(set(names))


def test_what_is_pinned_is_what_runs():
    """Fails where requirements.txt was edited and the environment was not renewed, or the other way round."""
    from importlib.metadata import version

    for line in requirements():
        name, pin = line.split("==")
        assert version(name) == pin, name


def test_conda_and_pip_install_the_same():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    python, pip, packages = environment["dependencies"]
    assert packages == {"pip": ["--requirement requirements.txt", "--editable ."]}
    assert pip == "pip"
    low, high = re.findall(
        r"3\.\d+", tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["requires-python"]
    )
    minor = int(python.removeprefix("python=3."))
    assert int(low[2:]) <= minor < int(high[2:])


def test_the_gpu_extra_pins_the_same_tensorflow():
    extra = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]["gpu"]
    assert [line.replace("[and-cuda]", "") for line in extra] == [
        r for r in requirements() if r.startswith("tensorflow==")
    ]


@pytest.mark.parametrize("room", ALLOWED)
def test_a_room_imports_only_what_lies_below_it(room):
    for path in (ROOT / "helpers" / room).glob("*.py"):
        for name in imports(path):
            if name.startswith("helpers."):
                assert name.split(".")[1] in ALLOWED[room] | {room}, f"{path.name} imports {name}"


def test_no_module_outside_the_backend_imports_tensorflow_by_itself():
    for path in (ROOT / "helpers").rglob("*.py"):
        if path.name != "backend.py":
            assert not {name.split(".")[0] for name in imports(path)} & {"tensorflow", "keras"}, path


def test_the_public_face_is_there():
    import helpers

    for name in helpers.__all__:
        assert callable(getattr(helpers, name)), name
    with pytest.raises(AttributeError, match="build_model"):
        helpers.build_modell  # noqa: B018


def test_make_help_names_every_target():
    makefile = (ROOT / "Makefile").read_text()
    targets = set(re.findall(r"\.PHONY: (.*)", makefile)[0].split())
    command = ["make", "--no-print-directory", "help"]  # the tests themselves may run below a make
    shown = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert {line.split()[1] for line in shown.splitlines()} == targets
    assert {"study", "test", "smoke", "lint", "lab", "figures", "clean"} <= targets


def test_an_old_python_is_refused_in_one_line(tmp_path):
    old = tmp_path / "python"
    old.write_text(
        f"#!/bin/sh\nexec {sys.executable} -c \"import sys; sys.version_info = (3, 9, 1, 'final', 0)\n$2\"\n"
    )
    old.chmod(0o755)
    command = ["make", f"PYTHON={old}", f"INSTALLED={tmp_path}/nothing", f"{tmp_path}/nothing"]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode != 0
    assert "expected Python 3.11 to 3.13" in result.stderr
