"""Shapes of a model, read from what lies beside or in front of its weights; the weights themselves are never read."""
