"""Programs that run in the project's interpreter, started with their text: see ``llmcheck.prove``.

They import the standard library and torch alone, and run from Python 3.9 on. Settings are JSON in the first argument.
"""
