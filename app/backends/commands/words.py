"""What Slurm's commands say when they fail, and which of our errors that is."""

import re

from jobshape.app.domain.errors import (
    NO_ANSWER_HINT,
    BackendError,
    BadRequest,
    NoSite,
    Refused,
    Unreachable,
)

_TRANSIENT = re.compile(
    r"Unable to contact slurm controller|Socket timed out|[Cc]onnection (refused|failure|timed out)"
    r"|temporarily unable|Zero Bytes were transmitted|backup controller in standby"
    r"|Transport endpoint is not connected|Unable to establish controller|Connection reset"
    r"|Resource temporarily unavailable|Problem talking to the database"
    r"|connect failure|Slurm is not active|persistent connection"
    r"|Message receive failure",
)
_NO_SITE = re.compile(
    r"[Cc]ould not establish a configuration source|Unable to process configuration file"
    r"|cannot stat file|resolve_ctls_from_dns_srv|fetch_config"
)
_BAD_REQUEST = re.compile(
    r"[Ii]nvalid [Jj]ob(_id| id|id| ID|Id)|[Uu]nknown [Jj]ob|Bad job array|Invalid job array"
    r"|Invalid \w+ value|couldn't get steps"
)
_NEVER_SENT = re.compile(
    r"connect failure|Connection refused|Could not resolve|No route to host", re.IGNORECASE
)
_PREFIX = re.compile(r"^(?:[a-z_]+: )?(?:error|fatal|warning): |^slurm_\w+ error: ?|^[a-z]+: ")

_NO_SITE_HINT = "no slurm.conf was found: run it on a login node, or set SLURM_CONF"
_SEPARATOR = "; "


def late_error(where: str, stderr: str, timeout_s: float) -> BackendError:
    """The error for a command that was ended because it took too long."""
    said = own_words(stderr)
    if _NO_SITE.search(stderr):  # it waits a minute for a slurm.conf to appear
        return NoSite(said, where=where, hint=_NO_SITE_HINT)
    what = f"no answer for {timeout_s:.0f} s" + (f": {said}" if said else "")
    return Unreachable(what, where=where, hint=NO_ANSWER_HINT)


def was_never_sent(what: str) -> bool:
    """Whether these words, every one of them, say that no connection came about.

    A time-out beside a refused connection leaves open what arrived, so it does not count.
    """
    return all(_NEVER_SENT.search(line) for line in what.split(_SEPARATOR))


def own_words(stderr: str) -> str:
    """The lines of stderr in one, each without the command's name and ``error:``."""
    lines = [_PREFIX.sub("", line).strip() for line in stderr.splitlines()]
    return _SEPARATOR.join(dict.fromkeys(line for line in lines if line))


def error_of(command: str, stderr: str, code: int, ssh_host: str | None = None) -> BackendError:
    """The error for a command that failed."""
    what = own_words(stderr) or f"exit code {code}, without a word"
    where = command if ssh_host is None else f"{command} on {ssh_host}"
    if ssh_host is not None and code == 255:
        return Unreachable(what, where=f"ssh {ssh_host}", hint=f"try: ssh {ssh_host} true")
    if code == 127:
        hint = "is Slurm installed there, and on the PATH of a shell that is not interactive?"
        return NoSite(f"{command} was not found", where=where, hint=hint)
    if _NO_SITE.search(stderr):
        return NoSite(what, where=where, hint=_NO_SITE_HINT)
    if code < 0:  # a signal ended it in the middle
        return Unreachable(what, where=where, hint=NO_ANSWER_HINT)
    # Of sbatch it is no clear answer; of scontrol suspend it means that there is no such job.
    garbled = command == "sbatch" and "Unexpected message received" in stderr
    if garbled or _TRANSIENT.search(stderr):
        return Unreachable(what, where=where, hint=NO_ANSWER_HINT)
    if _BAD_REQUEST.search(stderr):
        return BadRequest(what, where=where)
    return Refused(what, where=where)
