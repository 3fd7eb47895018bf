"""Judges a machine against a profile. Pure: it reads nothing but its arguments."""
