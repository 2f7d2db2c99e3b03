"""The one family of errors: what went wrong, where, and what to do about it."""


class JobshapeError(Exception):
    """Base of all errors that are shown to a person.

    what: the fact in one line, with Slurm's own words where it gave some. where: the command, file
    or service. hint: what to do. A plain tuple of the three crosses process borders.
    """

    def __init__(self, what: str, *, where: str = "", hint: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.where = where
        self.hint = hint

    @property
    def words(self) -> str:
        """The fact and what to do, without where."""
        return f"{self.what} ({self.hint})" if self.hint else self.what

    def __str__(self) -> str:
        return f"{self.where}: {self.words}" if self.where else self.words


class BackendError(JobshapeError):
    """Something between us and the site went wrong."""


class Unreachable(BackendError):
    """The site did not answer in time; trying again may help."""


class NotSent(Unreachable):
    """The site was not even asked, so nothing was done."""


class Refused(BackendError):
    """The site answered no; ``what`` holds its own words."""


class NotSupported(BackendError):
    """This backend, or this site, cannot do that."""


class BadRequest(BackendError):
    """What was asked makes no sense to the site: unknown job, malformed value."""


class NoSite(BackendError):
    """No such scheduler was found on this machine."""


class ConfigError(JobshapeError):
    """A settings file is wrong; ``where`` says file, line and field."""


class OutputError(JobshapeError):
    """What was to be printed could not be written."""


NO_ANSWER_HINT = "is the controller up? try: scontrol ping"
"""What to do where Slurm does not answer."""

ERRORS: dict[str, type[BackendError]] = {
    kind.__name__: kind
    for kind in (BackendError, Unreachable, NotSent, Refused, NotSupported, BadRequest, NoSite)
}
"""Error classes by name, to build one again on the other side of a pipe."""
