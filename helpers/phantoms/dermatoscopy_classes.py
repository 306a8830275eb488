"""The seven classes of HAM10000 as the phantoms know them: ranges of quantities, and signs of disease."""

from typing import Generic, NamedTuple, TypeVar

Value = TypeVar("Value")
Range = tuple[float, float]  # low, high


class Quantities(NamedTuple, Generic[Value]):
    """The quantities of a lesion, or their ranges in a class; radius in picture widths, the others without unit."""

    radius: Value
    irregularity: Value
    edge: Value
    melanin: Value
    haemoglobin: Value
    variegation: Value


RANGES: dict[str, Quantities[Range]] = {
    "nv": Quantities((0.15, 0.30), (0.02, 0.07), (0.08, 0.30), (0.35, 1.5), (0.05, 0.35), (0.10, 0.30)),
    "mel": Quantities((0.19, 0.36), (0.13, 0.26), (0.05, 0.22), (0.5, 2.0), (0.05, 0.40), (0.50, 1.00)),
    "bkl": Quantities((0.16, 0.32), (0.05, 0.16), (0.03, 0.14), (0.25, 1.0), (0.00, 0.25), (0.20, 0.55)),
    "bcc": Quantities((0.15, 0.30), (0.06, 0.18), (0.15, 0.45), (0.0, 0.25), (0.12, 0.40), (0.20, 0.60)),
    "akiec": Quantities((0.18, 0.36), (0.10, 0.24), (0.20, 0.55), (0.05, 0.4), (0.20, 0.55), (0.30, 0.70)),
    "vasc": Quantities((0.11, 0.25), (0.03, 0.12), (0.05, 0.22), (0.0, 0.25), (0.50, 1.20), (0.10, 0.35)),
    "df": Quantities((0.12, 0.25), (0.03, 0.09), (0.20, 0.50), (0.12, 0.5), (0.10, 0.35), (0.10, 0.35)),
}
KEY_SIGNS = {  # class: {sign: probability}
    "nv": {"network": 0.65, "globules": 0.35},
    "mel": {"veil": 0.6, "network": 0.5, "globules": 0.55},
    "bkl": {"milia": 0.85, "comedones": 0.6},
    "bcc": {"nests": 0.7, "vessels": 0.8},
    "akiec": {"scale": 0.85, "follicles": 0.6},
    "vasc": {"lacunae": 0.92},
    "df": {"scar": 0.88, "rim_network": 0.55},
}
STRAY_SIGN = 0.03  # probability of each sign that is not a key sign of the class

LABELS = tuple(RANGES)
SIGNS = tuple(dict.fromkeys(sign for signs in KEY_SIGNS.values() for sign in signs))
MALIGNANT = ("mel", "bcc", "akiec")
