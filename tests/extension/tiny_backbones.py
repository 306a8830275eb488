"""Two backbones of a few layers, traced in a second, made known through the same door as the real ones."""

from helpers.backbones import Backbone, register_backbone

CUT = "tiny_features"


def tiny_application(*, include_top, weights, input_tensor):
    """Build a network like one of `keras.applications`: three halvings of the size, and one residual branch."""
    from helpers.backend import keras

    layers, x = keras.layers, input_tensor
    for number, channels in enumerate((8, 16, 16)):
        x = layers.Conv2D(channels, 3, strides=2, padding="same", use_bias=False, name=f"tiny_{number}_conv")(x)
        x = layers.ReLU(name=f"tiny_{number}_relu")(layers.BatchNormalization(name=f"tiny_{number}_bn")(x))
    branch = layers.Conv2D(16, 1, name="tiny_branch_conv")(x)
    branch = layers.BatchNormalization(name="tiny_branch_bn")(branch)
    x = layers.ReLU(name=CUT)(layers.Add(name="tiny_add")([x, branch]))
    x = layers.Conv2D(8, 1, name="tiny_after_the_cut")(x)
    model = keras.Model(keras.utils.get_source_inputs(input_tensor), x)
    if weights is not None:
        model.load_weights(weights)
    return model


def _cut(network):
    return network.get_layer(CUT).output


def _branch_end(layer):
    return layer.gamma if layer.name == "tiny_branch_bn" else None


def register():
    """Register `tiny`, with a head like ResNet-50's, and `tiny_flat`, with one like InceptionResNetV2's."""
    register_backbone(
        Backbone(
            name="tiny",
            title="Tiny",
            application=tiny_application,
            weight_file="tiny.weights.h5",
            smallest_image=16,
            preprocessing="caffe",
            cut=_cut,
            branch_end=_branch_end,
            notebook="02_train_resnet50",
        )
    )
    register_backbone(
        Backbone(
            name="tiny_flat",
            title="TinyFlat",
            application=tiny_application,
            weight_file="tiny.weights.h5",
            smallest_image=16,
            preprocessing="tf",
            cut=_cut,
            branch_end=_branch_end,
            has_regularised_head=True,
            pooling="Flatten",
            notebook="03_train_inception_resnet_v2",
        )
    )
