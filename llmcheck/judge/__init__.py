"""Holds a machine against a profile. Pure."""
