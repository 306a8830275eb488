"""Numbers and verdicts from tables, without TensorFlow."""
