"""Attacking a model, and asking whether the attack was any good."""
