"""What a claim compares: models, epsilons, conditions."""

from typing import Annotated, Literal

from pydantic import Field

from helpers.artifacts.results import ARMS
from helpers.tasks import TASKS
from helpers.values import Parameters, choice_of

Arm = Annotated[str, choice_of(ARMS)]
Condition = Literal["clean", "attack", "noise", "other image", "shuffled head", "shuffled weights"]
Epsilon = Annotated[float, Field(ge=0, le=1)]


class Comparison(Parameters):
    """What is measured in a task and backbone, and what it is compared with; each measure uses some of it."""

    arm: Arm = "soft"  # the model that the claim is about
    other_arm: Arm | None = None  # the model that it is compared with
    other_tasks: tuple[Annotated[str, choice_of(TASKS)], ...] = ()  # the tasks that it is compared with
    epsilon: Epsilon | None = None
    other_epsilon: Epsilon | None = None
    quantity: str | None = None  # name of a measure of explanations
    condition: Condition = "attack"  # of explanations
    control: Condition | None = None  # condition that it is compared with
    outcome: Literal["held", "broken", "wrong before"] | None = None  # of the condition; None: any
