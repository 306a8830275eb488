"""params/README.md: every key of a profile, once, from the descriptions of the fields.

python -m helpers.show.parameters
"""

from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from helpers import files
from helpers.grid import AXES
from helpers.parameters import (
    AttackParameters,
    ImageParameters,
    OptimizerParameters,
    PhantomParameters,
    Pretraining,
    TrainingParameters,
)
from helpers.paths import ROOT
from helpers.profile_files import OVERRIDE_SECTIONS, read_profile
from helpers.values import Parameters

DOCUMENT = ROOT / "params" / "README.md"
PARAMETER_PARTS = (
    PhantomParameters,
    ImageParameters,
    OptimizerParameters,
    TrainingParameters,
    Pretraining,
    AttackParameters,
)
PAGE = """# Profiles

A profile is a YAML file of parameters for one or many models. A step of the study takes its name (`profile=quick`), or
the path of any such file.

| profile | models | what it is |
|---|---|---|
{profiles}

A profile has these entries:

| entry | content |
|---|---|
| `models` | a list of models: {model_keys} |
| `grid` | more models: every combination of {axes} and other keys, less what its `exclude` lists; or several grids |
| `parameters` | the keys below |
| {sections} | {{name: {{key: value}}}}: what differs from `parameters` for a backbone, a task or a training |

A training has a kind, `standard` or `adversarial`, and may be a variant of it: `standard-long: {{epochs: 20}}` under
`trainings` names one, which models list like the others. A grid may list any key of a network, its training or its
attack that is a number or a word, but for those that all models of a task and backbone share: `image_size`,
`attack_images` and `protocol`. One with `learning_rate: [0.001, 0.01]` names its own trainings,
`standard-learning_rate_0.001` and so on. Each is trained, attacked, drawn and tabled beside the others; claims compare
plain `standard` and `adversarial` models only. A variant of the attack's keys trains its model again: to attack one
model in several ways, give notebook 04 other parameters instead.

Keys without a default have to be in `parameters`, or in a section that applies to every model.
{parts}

This file is written by `python -m helpers.show.parameters`.
"""


def document() -> str:
    """Return the text of params/README.md."""
    paths = sorted((ROOT / "params").glob("*.yaml"))
    return PAGE.format(
        profiles="\n".join(map(_profile, paths)),
        model_keys=", ".join(f"`{key}`" for key in AXES.values()),
        axes=", ".join(f"`{axis}`" for axis in AXES),
        sections=", ".join(f"`{section}`" for section in OVERRIDE_SECTIONS),
        parts="\n".join(map(_section, PARAMETER_PARTS)),
    )


def _profile(path: Path) -> str:
    """Return a profile's row: its name, how many models it has, and the first sentence of its comment."""
    lines = path.read_text().split("\n\n")[0].splitlines()
    text = " ".join(line.removeprefix("#").strip() for line in lines if line.startswith("#"))
    purpose = text.removeprefix(f"{path.stem}: ").split(". ")[0].rstrip(".")
    return f"| `{path.stem}` | {len(read_profile(path.stem)['models'])} | {purpose} |"


def _section(part: Any) -> str:
    """Return the table of the keys that a part adds to those of the part before it."""
    inherited = part.__mro__[1].model_fields if issubclass(part.__mro__[1], Parameters) else {}
    rows = [
        f"| `{name}` | {_values(field)} | {_default(field)} | {field.description} |"
        for name, field in part.model_fields.items()
        if name not in inherited
    ]
    title = (part.__doc__ or "").split("\n")[0].rstrip(".")
    return "\n".join([f"\n## {title}\n", "| key | values | default | what it is |", "|---|---|---|---|", *rows])


def _values(field: FieldInfo) -> str:
    """Return the values that a key may have, as far as its type names them."""
    if get_origin(field.annotation) is tuple:
        return "list of numbers"
    kinds = [kind for kind in (get_args(field.annotation) or (field.annotation,)) if kind is not type(None)]
    if get_origin(field.annotation) is Literal:
        return ", ".join(f"`{value}`" for value in kinds)
    (kind, *_) = kinds
    if get_origin(kind) is Literal:
        return ", ".join(f"`{value}`" for value in get_args(kind))
    known = {int: "whole number", float: "number", bool: "`true`, `false`", str: "text", Pretraining: "see below"}
    return next(text for name, text in known.items() if kind is name or name in get_args(kind))


def _default(field: FieldInfo) -> str:
    if field.default is PydanticUndefined:
        return ""
    if field.default is None:
        return "none"
    return f"`{field.default:.3g}`" if isinstance(field.default, float) else f"`{field.default}`"


def main() -> None:
    """Write the file."""
    with files.atomic_write(DOCUMENT) as temporary:
        temporary.write_text(document())


if __name__ == "__main__":
    main()
