"""Errors that a person can mend: each message says what is wrong, where, and what to do."""


class AutoGraphError(Exception):
    """A sentence for the person at the command line or the page, never a traceback."""


class DataError(AutoGraphError):
    """Input data is missing, malformed or too small."""


class ConfigError(AutoGraphError):
    """A setting is unknown, out of range or at odds with another."""


class TemplateError(AutoGraphError):
    """A prompt template cannot be read or rendered."""


class BackendError(AutoGraphError):
    """A language model or an encoder cannot be reached, loaded or trusted."""


class ArtifactError(AutoGraphError):
    """A stored result is missing, unfinished or corrupt."""
