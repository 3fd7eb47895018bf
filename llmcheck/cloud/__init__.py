"""Machines to rent, judged like any other machine."""
