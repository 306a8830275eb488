"""Where a perturbation is, and what a model looks at, in numbers with controls."""
