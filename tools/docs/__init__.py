"""Pages of `docs/` that are drawn from the code, so that neither can say what the other doesn't."""
