"""The errors that llmcheck raises on purpose; each carries the exit code that the command line ends with."""


class LlmcheckError(Exception):
    """Its message is one line: what is wrong, where, and how to correct it."""

    exit_code = 2


class UsageError(LlmcheckError):
    """Options or arguments that cannot be used together, or that have no such value."""


class DataError(LlmcheckError):
    """A profile, machine file or table cannot be read or breaks its grammar."""


class InspectionError(LlmcheckError):
    """Nothing at all could be found out about the machine."""

    exit_code = 3
