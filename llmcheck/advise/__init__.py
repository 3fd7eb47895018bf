"""Advice that follows from a report. Pure: runs nothing, downloads nothing and does not inspect the machine."""
