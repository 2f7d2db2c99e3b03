"""``python -m jobshape.app.backends.local SITE``: the supervisor of a site, in the background.

SITE is a LocalSite as JSON. The process that was started ends once the supervisor listens, another
one has the site, or the start failed (exit code 1, the reason on stderr).
"""

import json
import os
import signal
import sys

from jobshape.app.backends.local.config import LocalSite
from jobshape.app.backends.local.supervisor import prepare
from jobshape.app.domain.errors import BackendError


def main() -> int:
    """Fork off the supervisor and wait for its first word."""
    site = LocalSite.from_head(json.loads(sys.argv[1]))
    ear, mouth = os.pipe()
    if os.fork():
        os.close(mouth)
        with os.fdopen(ear, "rb") as file:
            said = file.read().decode("utf-8", "replace")
        if said:
            sys.stderr.write(f"{said}\n")
        return 1 if said else 0
    os.close(ear)
    os.setsid()  # in the child of a session's leader: it can never get a terminal
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM, signal.SIGQUIT, signal.SIGCHLD):
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    with os.fdopen(mouth, "w", encoding="utf-8", errors="replace") as file:
        try:
            supervisor = prepare(site)
        except BackendError as error:
            file.write(str(error))
            return 1
        except Exception as error:
            file.write(f"{type(error).__name__}: {error}")
            raise
    if supervisor is not None:
        supervisor.run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
