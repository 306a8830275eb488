"""What models and their images are called in titles and legends."""

from helpers.config import Config

SOURCES = {
    "phantom": "phantoms (drawn images)",
    "folder": "images from a folder",
    "medmnist": "images from MedMNIST+",
}
ATTENTION_NAMES = {
    "none": "without attention",
    "soft": "with soft attention",
    "soft_released": "with soft attention as released",
    "placebo": "with placebo attention",
}


def model_name(config: Config) -> str:
    """Return what a model is called beside others of its task and backbone."""
    adversarially = ", adversarially trained" if config.training == "adversarial" else ""
    return ATTENTION_NAMES[config.attention] + adversarially
