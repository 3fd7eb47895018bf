"""The errors that llmcheck raises on purpose. Each has the exit code of the command."""


class LlmcheckError(Exception):
    """Its message is one line: what is wrong, where, and how to correct it."""

    exit_code = 2


class UsageError(LlmcheckError):
    """Options or arguments that are invalid or cannot be combined."""


class DataError(LlmcheckError):
    """A profile, machine file or table cannot be read or is invalid."""


class InspectionError(LlmcheckError):
    """Nothing could be found out about the machine."""

    exit_code = 3
