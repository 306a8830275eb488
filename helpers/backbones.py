"""The backbones: one record each, with what the study knows of it. A new backbone starts here; see CONTRIBUTING.md."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True)
class Backbone:
    """What the study knows of a backbone.

    Attributes:
        name: As in parameters, folders and tables.
        title: As in prose and figures.
        application: Builds the whole network, like a member of `keras.applications`: called with include_top=False,
            weights and input_tensor.
        weight_file: The ImageNet weights without the top, as Keras' cache names them.
        smallest_image: The smallest side of an input in pixels.
        preprocessing: What turns pixels in [0, 1] into what the weights were trained on, as Keras names it: "caffe"
            (BGR, 0..255, ImageNet's mean subtracted), "tf" (-1 to 1) or "torch" (ImageNet's mean and deviation).
        cut: From the whole network to its features, a symbolic tensor (batch, H, W, C).
        branch_end: From a layer to the weight that ends a residual branch, or None. Random weights start with these
            at zero.
        has_regularised_head: Whether ReLU and dropout are part of the head without attention. With it, they always are.
        pooling: The layer between features and logits, a name in `keras.layers`.
        notebook: The notebook that trains it.
        shipped_digest: SHA-256 of the pretrained weights that come with the study (in weights/); "": none do.
    """

    name: str
    title: str
    application: Callable[..., Any]
    weight_file: str
    smallest_image: int
    preprocessing: Literal["caffe", "tf", "torch"]
    cut: Callable[[Any], Any]
    notebook: str
    branch_end: Callable[[Any], Any] = lambda layer: None
    has_regularised_head: bool = False
    pooling: Literal["GlobalAveragePooling2D", "Flatten"] = "GlobalAveragePooling2D"
    shipped_digest: str = ""


BACKBONES: dict[str, Backbone] = {}


def register_backbone(backbone: Backbone) -> None:
    """Make a backbone known under its name."""
    BACKBONES[backbone.name] = backbone


def keras_application(name: str) -> Callable[..., Any]:
    """Return a function that builds a member of `keras.applications`; TensorFlow loads when it is called."""

    def build(**settings: Any) -> Any:
        from helpers.backend import keras

        return getattr(keras.applications, name)(**settings)

    return build


def _cut_resnet50(network: Any) -> Any:
    return network.get_layer("conv5_block3_out").output


def _branch_end_of_resnet50(layer: Any) -> Any:
    """Return the scale of the last batch norm before each addition."""
    return layer.gamma if layer.name.endswith("_3_bn") else None


def _cut_inception_resnet_v2(network: Any) -> Any:
    """Return the first branch of the ninth block of the last kind, behind its batch norm and before its ReLU.

    Keras makes up the name of that layer anew for every network in a process, so it is found by its place in the graph.
    """
    branch, _ = network.get_layer("block8_9_mixed").input
    (relu,) = (layer for layer in network.layers if layer.output is branch)
    return relu.input


def _branch_end_of_inception_resnet_v2(layer: Any) -> Any:
    """Return the kernel of the last convolution before each sum."""
    return layer.kernel if layer.name.startswith("block") and layer.name.endswith("_conv") else None


register_backbone(
    Backbone(
        name="resnet50",
        title="ResNet-50",
        application=keras_application("ResNet50"),
        weight_file="resnet50_weights_tf_dim_ordering_tf_kernels_notop.h5",
        smallest_image=32,
        preprocessing="caffe",
        cut=_cut_resnet50,
        branch_end=_branch_end_of_resnet50,
        notebook="02_train_resnet50",
        shipped_digest="8eafc730be9c4c9b234488c0de20db5d42db3849c731693f572357134a8f3348",
    )
)
register_backbone(
    Backbone(
        name="inception_resnet_v2",
        title="InceptionResNetV2",
        application=keras_application("InceptionResNetV2"),
        weight_file="inception_resnet_v2_weights_tf_dim_ordering_tf_kernels_notop.h5",
        smallest_image=75,
        preprocessing="tf",
        cut=_cut_inception_resnet_v2,
        branch_end=_branch_end_of_inception_resnet_v2,
        has_regularised_head=True,
        pooling="Flatten",
        notebook="03_train_inception_resnet_v2",
    )
)
