"""params/README.md."""

import re

import yaml

from helpers.config import Config
from helpers.paths import ROOT
from helpers.show.parameters import DOCUMENT, document


def test_the_document_is_what_the_fields_say():
    assert DOCUMENT.read_text() == document(), "run python -m helpers.show.parameters"


def test_every_key_is_documented_once_and_in_a_sentence():
    rows = re.findall(r"^\| `(\w+)` \|.*\| (.*?) \|$", document(), flags=re.MULTILINE)
    names = [name for name, _ in rows]
    for name, field in Config.model_fields.items():
        if name not in ("profile", "runs_dir"):
            assert names.count(name) == (2 if name in ("image_size", "epochs", "learning_rate") else 1), name
            assert re.fullmatch(r"[A-Z`].*\.", field.description), name


def test_every_profile_has_its_row():
    for path in (ROOT / "params").glob("*.yaml"):
        (count,) = re.findall(rf"^\| `{path.stem}` \| (\d+) \|", document(), flags=re.MULTILINE)
        if (listed := yaml.safe_load(path.read_text()).get("models")) is not None:
            assert int(count) == len(listed)
