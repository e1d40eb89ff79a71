"""Errors a user may see. Each is one line, "what is wrong; how to mend it", and carries an exit code.

VbannotateError                 1  something about the input or the output
├── MediaError                  1  a recording cannot be opened, decoded, or is empty
├── FormatError                 1  an annotation file cannot be read or written as asked
├── WouldOverwriteError         1  the target exists and nobody said that it may go
├── UsageError                  2  options or arguments that cannot be meant
└── StartError                  3  the work could not start
    ├── ModelError              3  a model is unknown, missing, damaged or refused
    └── MissingDependencyError  3  an optional package is not installed
"""

from __future__ import annotations


class VbannotateError(Exception):
    """Base class: ``str(error)`` is "what; mend". Anything else that escapes is a bug."""

    exit_code = 1

    def __init__(self, what: str, mend: str = "") -> None:
        super().__init__(what, mend)
        self.what, self.mend = what, mend

    def __str__(self) -> str:
        return f"{self.what}; {self.mend}" if self.mend else self.what


class MediaError(VbannotateError):
    """A recording cannot be opened or decoded, or holds no audio."""


class FormatError(VbannotateError):
    """An annotation file cannot be read, or an annotation cannot be written in a format."""


class WouldOverwriteError(VbannotateError):
    """The target exists; files are replaced only when that was asked for."""


class UsageError(VbannotateError):
    """An option or argument is wrong or contradicts another."""

    exit_code = 2


class StartError(VbannotateError):
    """The work could not start: a model, a device or a package is missing."""

    exit_code = 3


class ModelError(StartError):
    """A model is unknown, its files are missing or damaged, or its checkpoint is refused."""


class MissingDependencyError(StartError):
    """An optional package is not installed; `mend` holds the command that installs it."""

    def __init__(self, package: str, extra: str, purpose: str) -> None:
        super().__init__(f"{purpose} needs {package}", f'run: pip install "vbannotate[{extra}]"')
        self.package, self.extra, self.purpose = package, extra, purpose

    def __reduce__(self) -> tuple:
        return type(self), (self.package, self.extra, self.purpose)
