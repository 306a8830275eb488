"""Training a model of the study."""
