"""Rules for the whole repository: walls between rooms, small files and functions, one list of packages, one version."""

import ast
import email
import functools
import graphlib
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
import zipfile
from collections import Counter, defaultdict
from importlib.metadata import requires, version

import pytest
import yaml
from packaging.requirements import Requirement

from helpers.config import Config
from helpers.parameters import (
    AttackParameters,
    ImageParameters,
    OptimizerParameters,
    PhantomParameters,
    TrainingParameters,
)
from helpers.paths import ROOT

# What each module at the top of helpers/ may import of helpers
TOP = {
    "errors": set(),
    "paths": set(),
    "tasks": set(),
    "trainings": {"errors"},
    "attentions": set(),
    "backend": {"errors"},
    "progress": set(),
    "signals": set(),
    "shared_folder": {"errors", "files"},
    "gpus": {"errors"},
    "backbones": {"backend"},  # inside a function: TensorFlow loads when a network is built
    "lists": {"errors"},
    "values": {"errors", "lists", "paths"},
    "parameters": {"values", "tasks", "backbones", "attentions", "trainings"},
    "config": {"errors", "values", "tasks", "parameters"},
    "grid": {"errors", "config", "parameters", "trainings"},
    "profile_files": {"errors", "tasks", "trainings", "backbones", "parameters", "config", "grid", "paths"},
    "profiles": {"errors", "tasks", "trainings", "config", "grid", "profile_files"},
    "files": {"errors", "paths"},
    "seeds": {"errors", "files", "lists", "profile_files"},
    "batch": {"errors", "files", "gpus", "profile_files", "progress", "signals"},
    "command": {
        "errors",
        "gpus",
        "profile_files",
        "profiles",
        "progress",
        "signals",
        "datasets",
        "attacks",
        "training",
        "explain",
    },
}
ROOMS = ("phantoms", "artifacts", "judge", "datasets", "networks", "attacks", "training", "explain", "show")
PROGRAMS = {"batch", "command"}  # run by the workflow: nothing in helpers/ imports them
KNOWS_NO_DATASET = {"phantoms"}  # a room that imports nothing about tasks and parameters
WITHOUT_TENSORFLOW = ("judge", "show")  # verdicts and figures come from tables, in a second

LINES_OF_A_FILE = 200
LINES_OF_A_FUNCTION = 50  # of code: without signature, docstring, comments and blank lines
LONG_FUNCTIONS: dict[str, str] = {}  # {"module.function": the reason}

READS_AND_WRITES = {"load", "save", "savez", "savez_compressed", "loadtxt", "savetxt", "genfromtxt", "fromfile"}
READERS_OF_PUBLIC_DATASETS = {
    "helpers.datasets.layout": "the tables of HAM10000, EyePACS and ChestX-ray14, as downloaded",
    "helpers.datasets.medmnist": "MedMNIST+'s file as downloaded, and the table that it is unpacked to",
}
CONSTANTS_OF_SEVERAL_MODULES = {
    "LAYOUT": "the interface of a dataset's module: `helpers.datasets.layout.layout_of` returns it",
    "TABLE": "of a dataset's module: the name of its table",
    "IMAGES": "of a dataset's module: the name of its folder of images",
    "COLUMNS": "of a dataset's module: the columns of its table that phantoms fill in",
    "LABELS": "the interface of a kind of phantoms: its labels",
    "SIGNS": "the interface of a kind of phantoms: its signs of disease",
    "SIGN_PAINTERS": "of a kind of phantoms: the functions that paint its signs",
}
PARTS = (PhantomParameters, ImageParameters, OptimizerParameters, TrainingParameters, AttackParameters, Config)
TESTS_OF_NO_ROOM = {"golden", "workflow"}  # the numbers that each stage makes · the workflow from end to end


def module_name(path):
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_name(path): path for path in sorted((ROOT / "helpers").rglob("*.py"))}


@functools.cache
def parsed(module):
    return ast.parse(MODULES[module].read_text())


def room_of(module):
    """Return the room of a module, or the name of a module at the top; "" is the public face."""
    return (module.split(".") + [""])[1]


def nodes_run_by_an_import(tree):
    """Yield the nodes of a module outside its functions."""
    for node in ast.iter_child_nodes(tree):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            yield node
            yield from nodes_run_by_an_import(node)


@functools.cache
def imports(module, *, in_functions=True):
    """Return the full names of the modules that a module imports; of helpers, down to the file."""
    found = set()
    for node in ast.walk(parsed(module)) if in_functions else nodes_run_by_an_import(parsed(module)):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module}: expected imports by full name, got a relative one"
            members = [f"{node.module}.{alias.name}" for alias in node.names]
            found.update(member if member in MODULES else node.module for member in members)
    return found


def imports_of_helpers(module):
    return {name for name in imports(module) if name.split(".")[0] == "helpers"}


def loaded_by(module):
    """Return the modules of helpers that are loaded once a module is imported and its functions have run."""
    loaded, waiting = set(), imports_of_helpers(module)
    while waiting:
        name = waiting.pop()
        loaded.add(name)
        folder = name.rpartition(".")[0]
        waiting |= ({folder} | imports(name, in_functions=False)) & MODULES.keys() - loaded
    return loaded


def python(code):
    """Run code in a process of its own, and return what it prints."""
    command, environment = [sys.executable, "-c", code], os.environ | {"PYTHONPATH": ""}
    result = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    return result.stdout.strip()


def listed(found):
    """Return a message that a failing test shows whole."""
    lines = found.items() if isinstance(found, dict) else found
    return "\n" + "\n".join(map(str, sorted(lines)))


# Walls


@pytest.mark.parametrize("module", sorted(name for name in MODULES if "." in name and room_of(name) in ROOMS))
def test_a_room_imports_only_rooms_above_it(module):
    room = room_of(module)
    allowed = TOP.keys() - PROGRAMS | set(ROOMS[: ROOMS.index(room) + 1])
    if room in KNOWS_NO_DATASET:
        allowed -= {"tasks", "parameters", "config", "profile_files", "profiles"}
    forbidden = {name for name in imports_of_helpers(module) if room_of(name) not in allowed}
    assert not forbidden, listed(forbidden)


@pytest.mark.parametrize("module", TOP)
def test_a_module_at_the_top_imports_only_those_listed_for_it(module):
    forbidden = {name for name in imports_of_helpers(f"helpers.{module}") if room_of(name) not in TOP[module]}
    assert not forbidden, listed(forbidden)


def test_every_module_is_in_a_known_room_or_listed_at_the_top():
    assert {room_of(module) for module in MODULES} == {"", *TOP, *ROOMS}


@pytest.mark.parametrize(
    ("target", "called"),
    [
        ("share", "helpers.show.share 'runs/quick' 'quick.zip'"),
        ("share RUN=runs/mine/", "helpers.show.share 'runs/mine/' 'mine.zip'"),
        ("use", "helpers.show.share --use 'quick.zip'"),
        ("verify", "helpers.show.crate --verify 'runs/quick'"),
        ("study", "--config profile='quick' "),
        ("study SEEDS=0,1", "--config profile='quick' seeds='0,1'"),
        ("report", "--config profile='quick' --report "),
    ],
)
def test_a_target_of_the_makefile_works_without_more_words(target, called):
    command = ["make", "--dry-run", "--assume-old=.venv/installed", *target.split()]  # nothing is installed
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert called in result.stdout
    assert ("cp runs/quick/figures" in result.stdout) == (target == "study")  # only the default run is shown


def test_imports_have_no_circle():
    graphlib.TopologicalSorter({module: imports_of_helpers(module) for module in MODULES}).prepare()


def test_only_the_backend_imports_tensorflow_directly():
    for module in MODULES.keys() - {"helpers.backend"}:
        assert not {name.split(".")[0] for name in imports(module)} & {"tensorflow", "keras"}, module


@pytest.mark.parametrize("module", sorted(name for name in MODULES if room_of(name) in WITHOUT_TENSORFLOW))
def test_judge_and_show_do_not_import_tensorflow(module):
    assert "helpers.backend" not in loaded_by(module)


def test_importing_helpers_judge_and_show_does_not_load_tensorflow():
    modules = ", ".join(["helpers", *(name for name in MODULES if room_of(name) in WITHOUT_TENSORFLOW)])
    assert python(f"import sys, {modules}; print({{'tensorflow', 'keras'}} & sys.modules.keys())") == "set()"


def test_only_artifacts_reads_and_writes_the_files_of_a_run():
    found = []
    for module in MODULES:
        if room_of(module) == "artifacts" or module in READERS_OF_PUBLIC_DATASETS:
            continue
        for node in ast.walk(parsed(module)):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                is_numpy = node.value.id in ("np", "numpy") and node.attr in READS_AND_WRITES
                is_pandas = node.value.id in ("pd", "pandas") and node.attr.startswith("read_")
                if is_numpy or is_pandas:
                    found.append(f"{module}:{node.lineno} {node.value.id}.{node.attr}")
    assert not found, listed(found)


# Sizes and names


def test_no_file_is_long():
    lengths = {module: len(path.read_text().splitlines()) for module, path in MODULES.items()}
    long = {module: length for module, length in lengths.items() if length > LINES_OF_A_FILE}
    assert not long, listed(long)


def lines_of_code(function, lines):
    """Return how many lines of a function's body are code."""
    has_docstring = ast.get_docstring(function) is not None
    body = function.body[1:] if has_docstring else function.body
    if not body:
        return 0
    code = (line.strip() for line in lines[body[0].lineno - 1 : body[-1].end_lineno])
    return sum(bool(line) and not line.startswith("#") for line in code)


def test_no_function_is_long():
    long = {}
    for module, path in MODULES.items():
        lines = path.read_text().splitlines()
        for node in ast.walk(parsed(module)):
            if isinstance(node, ast.FunctionDef) and (count := lines_of_code(node, lines)) > LINES_OF_A_FUNCTION:
                long[f"{module}.{node.name}"] = count
    assert long.keys() == LONG_FUNCTIONS.keys(), listed(long)


def constants(module):
    """Yield the name and the expression of each constant that a module defines."""
    for node in parsed(module).body:
        targets = [node.target] if isinstance(node, ast.AnnAssign) else getattr(node, "targets", [])
        for target in targets:
            pairs = [(target, node.value)]
            if isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
                pairs = zip(target.elts, node.value.elts, strict=True)
            for name, value in pairs:
                if isinstance(name, ast.Name) and re.fullmatch(r"_?[A-Z][A-Z0-9_]*", name.id):
                    yield name.id, ast.unparse(value)


def test_a_constant_has_one_value_in_the_whole_package():
    values, places = defaultdict(set), defaultdict(list)
    for module in MODULES:
        for name, value in constants(module):
            values[name].add(value)
            places[name].append(module)
    several = {name for name in values if len(values[name]) > 1} - CONSTANTS_OF_SEVERAL_MODULES.keys()
    assert not several, listed({name: places[name] for name in several})


def test_a_parameter_belongs_to_one_part():
    owners = defaultdict(list)
    for part in PARTS:
        for name in part.__annotations__:
            owners[name].append(part.__name__)
    several = {name: parts for name, parts in owners.items() if len(parts) > 1}
    assert not several, listed(several)
    assert owners.keys() == Config.model_fields.keys()


def test_folders_of_tests_are_named_after_rooms():
    folders = {path.parent.name for path in (ROOT / "tests").glob("*/test_*.py")}
    assert sorted(folders - TESTS_OF_NO_ROOM - set(ROOMS)) == []


def test_contributing_names_every_module_and_only_paths_that_exist():
    text = (ROOT / "CONTRIBUTING.md").read_text()
    where = re.search(r"^## Where does my code go\?\n(.*?)^## ", text, re.MULTILINE | re.DOTALL)[1]
    modules = {path.stem for path in MODULES.values()} - {"__init__"}
    wrong = modules ^ set(re.findall(r"`([a-z0-9_]+)`", where))
    named = set(re.findall(r"`([^`\s<]+)`", text))
    paths = {name for name in named if "/" in name}
    missing = {name for name in paths if not any(ROOT.glob(name)) and not (ROOT / "helpers" / name).is_dir()}
    assert not wrong | missing, listed(wrong | missing)


# The public face


def test_every_name_of_the_public_face_is_there():
    import helpers

    assert dir(helpers) == sorted(helpers.__all__)
    for name in helpers.__all__:
        assert callable(getattr(helpers, name)), name


def test_an_unknown_name_of_the_public_face_is_answered_with_the_known_ones():
    import helpers

    with pytest.raises(AttributeError, match=r"StudyError, attack, build_model, .*Did you mean 'build_model'"):
        helpers.build_modell  # noqa: B018


# What is installed


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Return the package as pip would install it: a zip file."""
    folder = tmp_path_factory.mktemp("package")
    for name in ("pyproject.toml", "requirements.txt", "LICENSE"):
        shutil.copy(ROOT / name, folder)
    shutil.copytree(ROOT / "helpers", folder / "helpers", ignore=shutil.ignore_patterns("__pycache__"))
    code = "from setuptools import build_meta; build_meta.build_wheel('dist')"
    subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, check=True)
    (path,) = (folder / "dist").glob("*.whl")
    return zipfile.ZipFile(path)


def test_an_installed_package_has_its_public_face_and_its_style(wheel):
    assert {"helpers/__init__.pyi", "helpers/show/study.mplstyle"} <= set(wheel.namelist())


def test_an_installed_package_brings_the_pinned_packages(wheel):
    (name,) = (name for name in wheel.namelist() if name.endswith(".dist-info/METADATA"))
    needed = email.message_from_bytes(wheel.read(name)).get_all("Requires-Dist")
    assert [line for line in needed if "extra" not in line] == requirements()


# One list of packages


def requirements():
    lines = (ROOT / "requirements.txt").read_text().splitlines()
    return [line.split("#")[0].strip() for line in lines if line.split("#")[0].strip()]


def normalised(name):
    return name.lower().replace("_", "-")


def test_every_package_is_pinned_once():
    names = [normalised(line.split("==")[0]) for line in requirements()]
    assert all(re.fullmatch(r"[\w.-]+==[\w.]+", line) for line in requirements())
    assert [name for name, count in Counter(names).items() if count > 1] == []


def test_what_pinned_packages_need_is_pinned_too():
    pinned = {normalised(line.split("==")[0]) for line in requirements()}
    for name in pinned:
        needed = map(Requirement, requires(name) or ())
        needed = {normalised(r.name) for r in needed if r.marker is None or r.marker.evaluate({"extra": ""})}
        assert needed <= pinned, f"{name} needs {needed - pinned}"


def test_what_others_need_is_in_alphabetical_order():
    _, section = (ROOT / "requirements.txt").read_text().split("# What these need\n")
    assert section.splitlines() == sorted(section.splitlines(), key=normalised)


def test_what_is_pinned_is_what_runs():
    """Fails where requirements.txt was edited and the environment was not renewed, or the other way round."""
    for line in requirements():
        name, pin = line.split("==")
        assert version(name) == pin, name


def test_conda_and_pip_install_the_same():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    python_pin, pip, packages = environment["dependencies"]
    assert packages == {"pip": ["--requirement requirements.txt", "--editable ."]}
    assert pip == "pip"
    assert_supported(python_pin.removeprefix("python="))


def assert_supported(minor_version):
    """Check that a version of Python such as "3.11" is one that pyproject.toml allows."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    low, high = (int(minor) for minor in re.findall(r"3\.(\d+)", project["requires-python"]))
    assert low <= int(minor_version.removeprefix("3.")) < high


def test_the_gpu_extra_pins_the_same_tensorflow():
    extra = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]["gpu"]
    assert [line.replace("[and-cuda]", "") for line in extra] == [
        r for r in requirements() if r.startswith("tensorflow==")
    ]


# One version


def test_package_citation_and_changelog_have_the_same_version():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    newest, state = re.search(r"^## (\S+) \((.+)\)$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE).groups()
    assert project["version"] == citation["version"] == newest
    assert citation.get("date-released", "unreleased") == state, "CITATION.cff has a date once there is a release"


# Makefile, pre-commit, continuous integration


def test_make_help_names_every_target():
    makefile = (ROOT / "Makefile").read_text()
    targets = set(re.findall(r"\.PHONY: (.*)", makefile)[0].split())
    command = ["make", "--no-print-directory", "help"]  # the tests themselves may run below a make
    shown = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert {line.split()[1] for line in shown.splitlines()} == targets
    assert {"study", "test", "smoke", "lint", "lab", "figures", "clean"} <= targets


def test_pre_commit_runs_the_commands_of_make_lint():
    recipe = re.search(r"^lint:.*\n((?:\t.*\n)+)", (ROOT / "Makefile").read_text(), re.MULTILINE)[1]
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"][0]["hooks"]
    run_by_make = [line.strip().removeprefix("@").replace("$(BIN)", ".venv/bin") for line in recipe.splitlines()]
    assert [hook["entry"] for hook in hooks] == run_by_make


def test_continuous_integration_runs_the_script_on_a_supported_python():
    (job,) = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text())["jobs"].values()
    _, setup, run = job["steps"]
    assert run["run"] == ".ci/run"
    assert_supported(setup["with"]["python-version"])


def test_an_old_python_is_refused_in_one_line(tmp_path):
    old = tmp_path / "python"
    python = shlex.quote(sys.executable)
    old.write_text(f"#!/bin/sh\nexec {python} -c \"import sys; sys.version_info = (3, 9, 1, 'final', 0)\n$2\"\n")
    old.chmod(0o755)
    command = ["make", f"PYTHON={old}", f"INSTALLED={tmp_path}/nothing", f"{tmp_path}/nothing"]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode != 0
    assert "expected Python 3.11 to 3.13" in result.stderr
