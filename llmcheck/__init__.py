"""llmcheck: is this machine ready for my LLM project, and if not, what exactly do I do?"""

__version__ = "0.1.0"
