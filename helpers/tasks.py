"""The tasks: one record each, with what the study knows of it. A new task starts here; see CONTRIBUTING.md."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

LESION_TITLES = {  # of HAM10000's abbreviations (Tschandl et al., 2018)
    "akiec": "actinic keratosis",
    "bcc": "basal cell carcinoma",
    "bkl": "benign keratosis",
    "df": "dermatofibroma",
    "mel": "melanoma",
    "nv": "melanocytic naevus",
    "vasc": "vascular lesion",
}
SKIN_LESIONS = tuple(LESION_TITLES)
GRADES = ("0", "1", "2", "3", "4")  # of diabetic retinopathy
FINDINGS = (  # of ChestX-ray14, as its table spells them
    *("Atelectasis", "Cardiomegaly", "Effusion", "Infiltration", "Mass", "Nodule", "Pneumonia", "Pneumothorax"),
    *("Consolidation", "Edema", "Emphysema", "Fibrosis", "Pleural_Thickening", "Hernia"),
)
NO_FINDING = "No Finding"


@dataclass(frozen=True)
class MedMNIST:
    """How MedMNIST+ stores a task.

    Attributes:
        name: The file's name without its size, such as "dermamnist".
        labels: The dataset's own label of each number.
        one_column_each: False: one column of numbers; True: a column per label, 0 or 1.
    """

    name: str
    labels: tuple[str, ...]
    one_column_each: bool = False


@dataclass(frozen=True)
class Task:
    """What the study knows of a task.

    Attributes:
        name: As in parameters, folders and tables.
        images: What text and titles call its images.
        dataset: The public dataset whose layout the images have.
        layout: The module in `helpers.datasets` that reads and writes this layout; it defines `LAYOUT`.
        phantom_kind: Which phantoms stand in for real images: a name in `helpers.phantoms.KINDS`.
        classes: From the task's own parameters to the class names, in the order of the logits.
        class_of: From one of the dataset's own labels, and the task's own parameters, to a class name; None leaves the
            image out.
        parameters: Names of the task's own parameters in the configuration.
        medmnist: How MedMNIST+ stores the task; None: it does not.
        outline: The shape that perturbations are compared with: the dataset's mask, or the eye's field of view.
        class_titles: {class name: what pictures call it}, of classes whose names are abbreviations.
        has_datta_split: Whether the split of the code behind the paper is known for this dataset.
        paper_epsilons: {backbone: epsilon at which the paper shows activation maps (Figures 12 and 13)}.
    """

    name: str
    images: str
    dataset: str
    layout: str
    phantom_kind: str
    classes: Callable[..., tuple[str, ...]]
    class_of: Callable[..., str | None]
    parameters: tuple[str, ...] = ()
    medmnist: MedMNIST | None = None
    outline: Literal["mask", "field_of_view"] = "mask"
    class_titles: Mapping[str, str] = field(default_factory=dict)
    has_datta_split: bool = False
    paper_epsilons: Mapping[str, float] = field(default_factory=dict)


TASKS: dict[str, Task] = {}


def register_task(task: Task) -> None:
    """Make a task known under its name."""
    TASKS[task.name] = task


def lesion_classes() -> tuple[str, ...]:
    """Return the seven classes of HAM10000."""
    return SKIN_LESIONS


def lesion_class(label: str) -> str:
    """Return the class of a label of HAM10000: the label itself."""
    return label


def grade_classes(*, threshold: int = 1) -> tuple[str, ...]:
    """Return the retinopathy classes: grades below and from `threshold` on; the five grades if it is 0."""
    if threshold == 0:
        return tuple(f"grade {grade}" for grade in GRADES)
    spans = (range(threshold), range(threshold, len(GRADES)))
    return tuple(f"grade {span[0]}" if len(span) == 1 else f"grade {span[0]}-{span[-1]}" for span in spans)


def grade_class(label: str, *, threshold: int = 1) -> str:
    """Return the class of a grade ("0" to "4")."""
    grade = int(label)
    return grade_classes(threshold=threshold)[grade if threshold == 0 else int(grade >= threshold)]


def finding_classes(*, finding: str = "Pneumothorax", against: str = "others") -> tuple[str, str]:
    """Return the two classes of a chest x-ray finding: without it and with it. They do not depend on `against`."""
    name = finding.replace("_", " ").lower()
    return (f"no {name}", name)


def finding_class(label: str, *, finding: str = "Pneumothorax", against: str = "others") -> str | None:
    """Return the class of an x-ray's findings, separated by "|".

    None, which leaves the image out: it has other findings, and `against` is "no_finding".
    """
    is_present = finding in label.split("|")
    if not is_present and against == "no_finding" and label != NO_FINDING:
        return None
    return finding_classes(finding=finding)[is_present]


register_task(
    Task(
        name="skin_lesion",
        images="skin lesions",
        dataset="HAM10000",
        layout="ham10000",
        phantom_kind="dermatoscopy",
        classes=lesion_classes,
        class_of=lesion_class,
        medmnist=MedMNIST("dermamnist", SKIN_LESIONS),
        class_titles=LESION_TITLES,
        has_datta_split=True,
        paper_epsilons={"resnet50": 0.01, "inception_resnet_v2": 0.00125},
    )
)
register_task(
    Task(
        name="retinopathy",
        images="retinas",
        dataset="EyePACS",
        layout="eyepacs",
        phantom_kind="fundus",
        classes=grade_classes,
        class_of=grade_class,
        parameters=("threshold",),
        medmnist=MedMNIST("retinamnist", GRADES),
        outline="field_of_view",
        paper_epsilons={"resnet50": 0.32, "inception_resnet_v2": 0.00125},
    )
)
register_task(
    Task(
        name="pneumothorax",
        images="chests",
        dataset="ChestX-ray14",
        layout="chestxray14",
        phantom_kind="chest_xray",
        classes=finding_classes,
        class_of=finding_class,
        parameters=("finding", "against"),
        medmnist=MedMNIST("chestmnist", FINDINGS, one_column_each=True),
        paper_epsilons={"resnet50": 0.32, "inception_resnet_v2": 0.00125},
    )
)


def paper_epsilons() -> list[float]:
    """Return the epsilons at which the paper shows perturbations and activation maps, of all tasks, increasing."""
    return sorted({epsilon for task in TASKS.values() for epsilon in task.paper_epsilons.values()})
