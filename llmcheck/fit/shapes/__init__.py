"""Bytes that follow from a model's shapes and a format, the same in every runtime."""
