"""The errors that llmcheck raises on purpose; each carries the exit code that the command line ends with."""


class LlmcheckError(Exception):
    """One clear line for the person: what is wrong, where, and how to mend it."""

    exit_code = 2


class UsageError(LlmcheckError):
    """The words on the command line do not make sense together."""


class DataError(LlmcheckError):
    """A profile, machine file or table cannot be read or breaks its grammar."""


class InspectionError(LlmcheckError):
    """The machine could not be inspected at all."""

    exit_code = 3
