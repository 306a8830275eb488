"""Figures from tables, without TensorFlow."""
