"""Where a perturbation goes, and what a model looks at: pictures, and a number for what one thinks one sees."""
