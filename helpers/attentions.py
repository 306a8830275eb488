"""The kinds of attention: one record each. The layers are in `helpers.networks.attention`; see CONTRIBUTING.md."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Attention:
    """What the study knows of a kind of attention.

    Attributes:
        name: As in parameters, folders and tables.
        title: What a model with it is called in figures.
        layer: Name of the layer's class in `helpers.networks.attention`; None: a network without an attention block.
    """

    name: str
    title: str
    layer: str | None = None


ATTENTIONS: dict[str, Attention] = {}


def register_attention(attention: Attention) -> None:
    """Make a kind of attention known under its name."""
    ATTENTIONS[attention.name] = attention


register_attention(Attention("none", "without attention"))
register_attention(Attention("soft", "with soft attention", "SoftAttention"))
register_attention(Attention("soft_released", "with soft attention as released", "ReleasedSoftAttention"))
register_attention(Attention("placebo", "with placebo attention", "PlaceboAttention"))
