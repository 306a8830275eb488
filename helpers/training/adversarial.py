"""Adversarial training: each batch is attacked before the network learns from it."""

from helpers.attacks.pgd import perturb
from helpers.backend import keras, tf


class AdversarialTraining(keras.Model):
    """A view of a model that shares its weights and is fitted to adversarials of the training images.

    Source: Madry, Makelov, Schmidt, Tsipras, Vladu: "Towards Deep Learning Models Resistant to Adversarial Attacks",
    2018, arXiv 1706.06083. The attack sees the network as it predicts (no dropout, running statistics).

    Args:
        model: float32 pixels in [0, 1] to logits.
        epsilon: L∞ radius on pixels in [0, 1].
        steps: Gradient steps per attack, each 2.5 · epsilon / steps long, as in Madry et al.
        seed: The random starts derive from it and from the number of batches seen before.
    """

    def __init__(self, model: keras.Model, *, epsilon: float, steps: int, seed: int):
        super().__init__(model.inputs[0], model.outputs[0], name=model.name)
        self._epsilon, self._steps, self._seed = epsilon, steps, seed

    def train_step(self, data):
        pixels, labels, weights = keras.utils.unpack_x_y_sample_weight(data)
        seen = tf.cast(tf.convert_to_tensor(self.optimizer.iterations), tf.int32)
        starts = tf.random.stateless_uniform(tf.shape(pixels), (self._seed, seen), -1.0, 1.0)
        attacked = perturb(
            self,
            pixels,
            labels,
            starts=starts,
            epsilon=self._epsilon,
            steps=self._steps,
            rel_stepsize=2.5 / self._steps,
        )
        return super().train_step((attacked, labels, weights))
