"""The architecture of a model, from its configuration and the headers of its weight files. Weights are never read."""
