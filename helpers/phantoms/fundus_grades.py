"""The five grades of diabetic retinopathy as the phantoms know them: how many of each sign an eye has."""

from helpers.phantoms.streams import SIGNS_STREAM, stream

COUNTS: dict[str, dict[str, tuple[int, int]]] = {  # grade: {sign: (fewest, most)}
    "0": {},
    "1": {"microaneurysms": (2, 6)},
    "2": {"microaneurysms": (4, 12), "haemorrhages": (2, 7), "exudates": (0, 25), "cotton_wool": (0, 2)},
    "3": {"microaneurysms": (10, 25), "haemorrhages": (14, 34), "exudates": (0, 40), "cotton_wool": (1, 5)},
    "4": {
        "microaneurysms": (4, 20),
        "haemorrhages": (3, 20),
        "exudates": (0, 40),
        "cotton_wool": (0, 4),
        "new_vessels": (2, 3),
        "boat_haemorrhage": (0, 1),
    },
}
BEADING = {"3": 0.7}  # grade: probability of venous beading

LABELS = tuple(COUNTS)
COUNTED_SIGNS = tuple(COUNTS["4"])
SIGNS = (*COUNTED_SIGNS, "venous_beading")


def sign_counts(label: str, *, seed: int, view: int, ambiguity: float) -> dict[str, int]:
    """Choose at random how many of each sign an eye of this grade has; signs that it does not have are left out.

    `ambiguity` (0 to 1) pulls every count towards the fewest of the grade, with weight ambiguity · Beta(1, 2).
    """
    rng = stream(seed, SIGNS_STREAM, view)
    weight = ambiguity * rng.beta(1, 2)
    counts = {}
    for sign in COUNTED_SIGNS:
        level = rng.uniform()
        if sign in COUNTS[label]:
            fewest, most = COUNTS[label][sign]
            counts[sign] = fewest + int((1 - weight) * level * (most - fewest + 1))
    if rng.uniform() < BEADING.get(label, 0):
        counts["venous_beading"] = 1
    return {sign: count for sign, count in counts.items() if count}
