"""The one place that starts Slurm's commands: here or through ssh, bounded in time, retried."""

import errno
import os
import shlex
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from jobshape.app.backends.commands.ssh import ssh_options
from jobshape.app.backends.commands.words import error_of, late_error, was_never_sent
from jobshape.app.domain.errors import BadRequest, NoSite, NotSent, Unreachable

FIXED_ENVIRONMENT = {"LC_ALL": "C", "SLURM_TIME_FORMAT": "%s", "SLURM_BITSTR_LEN": "0"}
"""What every reading command runs under: seconds since the epoch, array ids in full."""

FOREIGN_SETTINGS = (
    "SQUEUE_ACCOUNT", "SQUEUE_ALL", "SQUEUE_ARRAY", "SQUEUE_ARRAY_UNIQUE", "SQUEUE_FEDERATION",
    "SQUEUE_FORMAT", "SQUEUE_FORMAT2", "SQUEUE_LICENSES", "SQUEUE_LOCAL", "SQUEUE_NAMES",
    "SQUEUE_PARTITION", "SQUEUE_PRIORITY", "SQUEUE_QOS", "SQUEUE_SIBLING", "SQUEUE_SORT",
    "SQUEUE_STATES", "SQUEUE_USERS", "SACCT_FEDERATION", "SACCT_FORMAT", "SACCT_LOCAL",
    "SCANCEL_ACCOUNT", "SCANCEL_BATCH", "SCANCEL_CRON", "SCANCEL_FULL", "SCANCEL_HURRY",
    "SCANCEL_INTERACTIVE", "SCANCEL_NAME", "SCANCEL_PARTITION", "SCANCEL_QOS", "SCANCEL_STATE",
    "SCANCEL_USER", "SCANCEL_VERBOSE", "SCANCEL_WCKEY", "SCONTROL_ALL", "SCONTROL_FEDERATION",
    "SCONTROL_FUTURE", "SCONTROL_LOCAL", "SCONTROL_SIBLING", "SLURM_CLUSTERS", "SLURM_DEBUG_FLAGS",
    "SLURM_LABELIO", "SLURM_STDERRMODE", "SLURM_STDINMODE", "SLURM_STDOUTMODE",
)  # fmt: skip
"""A person's own defaults for these commands; they would change what we read or cancel."""

_BACKOFF_S = 0.3  # doubled after each attempt
UNSURE_HINT = "it may have been done all the same: look at the queue before trying again"


class Output(NamedTuple):
    """What a command wrote, and its exit code."""

    stdout: str
    stderr: str
    code: int


class Runner:
    """Starts commands as lists of words and turns their failures into our errors.

    ssh_host: where the commands run; None for this machine. timeout_s: the longest a call may
    take, its retries included. ssh: the ssh command itself with options to add, for a person who
    needs a jump host. Texts are UTF-8 and what is not survives as surrogates.
    """

    def __init__(
        self,
        *,
        ssh_host: str | None = None,
        timeout_s: float = 20,
        attempts: int = 3,
        ssh: Sequence[str] = ("ssh",),
    ) -> None:
        self.ssh_host = ssh_host
        self.timeout_s = timeout_s
        self._attempts = attempts
        self._ssh = tuple(ssh)

    def run(
        self,
        command: Sequence[str],
        *,
        stdin: str = "",
        action: bool = False,
        check: bool = True,
        plain: bool = False,
        environment: Mapping[str, str] | None = None,
        once: bool = False,
    ) -> Output:
        """Run one command and give what it wrote.

        action: it changes something, so it is tried again only where nothing was sent. check:
        raise for an exit code other than 0. plain: keep the caller's environment as it is (a
        submitted job inherits it). environment: use this one instead. once: nobody knows what
        the command does before it fails, so it is never tried again.
        Raises Unreachable, Refused, BadRequest, NoSite.
        """
        deadline = time.monotonic() + self.timeout_s
        pause_s = _BACKOFF_S
        for attempt in range(1, self._attempts + 1):
            started = time.monotonic()
            try:
                return self._once(command, stdin, check, plain, environment, deadline)
            except Unreachable as error:
                if action and (once or not was_never_sent(error.what)):
                    raise Unreachable(error.what, where=error.where, hint=UNSURE_HINT) from error
                now = time.monotonic()
                is_late = now + pause_s + (now - started) > deadline  # no time for another like it
                if attempt == self._attempts or is_late:
                    kind = NotSent if action else Unreachable
                    raise kind(error.what, where=error.where, hint=error.hint) from error
            time.sleep(pause_s)
            pause_s *= 2
        raise AssertionError("unreachable")

    def command_line(
        self,
        command: Sequence[str],
        *,
        plain: bool = False,
        environment: Mapping[str, str] | None = None,
    ) -> tuple[list[str], dict[str, str] | None]:
        """The words to start and their environment (None: ours), local or through ssh."""
        if self.ssh_host is None:
            return list(command), self._local_environment(plain, environment)
        remote = list(command)
        if environment is not None:
            remote = ["env", "-i", *(f"{k}={v}" for k, v in environment.items()), *remote]
        elif not plain:
            unset = [word for name in FOREIGN_SETTINGS for word in ("-u", name)]
            remote = ["env", *unset, *(f"{k}={v}" for k, v in FIXED_ENVIRONMENT.items()), *remote]
        # The remote side is a shell: the one place where words are quoted.
        options = ssh_options(self.timeout_s)
        return [*self._ssh, *options, "--", self.ssh_host, shlex.join(remote)], None

    def _local_environment(
        self, plain: bool, environment: Mapping[str, str] | None
    ) -> dict[str, str] | None:
        if environment is not None:
            given = dict(environment)
            for name in ("SLURM_CONF", "PATH"):  # without them sbatch finds neither site nor itself
                if name in os.environ:
                    given.setdefault(name, os.environ[name])
            return given
        if plain:
            return None
        kept = {k: v for k, v in os.environ.items() if k not in FOREIGN_SETTINGS}
        return kept | FIXED_ENVIRONMENT

    def _once(
        self,
        command: Sequence[str],
        stdin: str,
        check: bool,
        plain: bool,
        environment: Mapping[str, str] | None,
        deadline: float,
    ) -> Output:
        words, env = self.command_line(command, plain=plain, environment=environment)
        where = command[0] if self.ssh_host is None else f"{command[0]} on {self.ssh_host}"
        # stderr is a file: a kept ssh connection holds a pipe open long after the command ended.
        # So is stdin: of a pipe sbatch would take half a script for all of it, were we killed.
        with tempfile.TemporaryFile() as stderr_file, tempfile.TemporaryFile() as stdin_file:
            try:
                stdin_file.write(_bytes_of(stdin))
                stdin_file.seek(0)
                done = subprocess.run(
                    [_bytes_of(word) for word in words],  # UTF-8 in any locale
                    stdin=stdin_file,
                    stdout=subprocess.PIPE,
                    stderr=stderr_file,
                    timeout=max(0.1, deadline - time.monotonic()),
                    env=env,
                    check=False,
                )
            except subprocess.TimeoutExpired as error:
                stderr_file.seek(0)
                said = stderr_file.read().decode("utf-8", "surrogateescape")
                raise late_error(where, said, self.timeout_s) from error
            except FileNotFoundError as error:
                raise NoSite(
                    f"{words[0]} was not found on this machine",
                    where=where,
                    hint="run jobshape on a login node of your cluster, or name one for ssh",
                ) from error
            except OSError as error:
                if error.errno == errno.E2BIG:
                    raise BadRequest("a text is too long for a command", where=where) from error
                raise NoSite(
                    f"cannot start {words[0]}: {error.strerror}", where=where,
                    hint="see which one is found first: `type -a`",
                ) from error  # fmt: skip
            except ValueError as error:  # a NUL, or half a surrogate pair
                raise BadRequest(f"a text cannot be sent: {error}", where=where) from error
            stderr_file.seek(0)
            stderr = stderr_file.read().decode("utf-8", "surrogateescape")
        if check and done.returncode != 0:
            raise error_of(command[0], stderr, done.returncode, self.ssh_host)
        return Output(done.stdout.decode("utf-8", "surrogateescape"), stderr, done.returncode)


def _bytes_of(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
