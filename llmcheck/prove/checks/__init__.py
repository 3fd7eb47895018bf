"""The checks of ``llmcheck prove``, one module each: see ``llmcheck.prove``."""
