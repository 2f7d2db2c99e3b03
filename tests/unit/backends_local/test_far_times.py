"""Times that are far away, or a clock that is set back: the supervisor neither ends nor waits."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from jobshape.app.backends.local.shape import parse_begin
from jobshape.app.domain.errors import BadRequest

from .sites import MIB, TestSite, until
from .test_crash_points import NO_CGROUPS, start_patched


def test_a_job_of_next_month_and_a_supervisor_that_stays(
    make_site: Callable[..., TestSite],
) -> None:
    """A selector takes at most 2^31 milliseconds, which are 24 days."""
    site = make_site(idle_exit_s=1e9)
    site.wait(site.submit("true"), "COMPLETED")
    pid = site.supervisor()
    site.wait(site.submit("#!/bin/sh\n#SBATCH --begin=now+30days\n"), "PENDING")
    site.wait(site.submit("true"), "COMPLETED")
    assert pid and site.supervisor() == pid


@pytest.mark.parametrize(
    "text",
    ["now+99999999999999weeks", "now+" + "9" * 400, "now+" + "9" * 5000, "9999-12-31T23:59:59"],
    ids=["weeks", "no float", "no integer", "the last second"],
)
def test_a_begin_that_no_calendar_has(text: str) -> None:
    with pytest.raises(BadRequest, match="Invalid time specification"):
        parse_begin(text, 1.7e9)


SET_BACK = """
    import time as clock
    true_time = clock.time
    class Clock:
        def __getattr__(self, name):
            return getattr(clock, name)
        def time(self):
            return true_time() - (86400 if os.path.exists({flag!r}) else 0)
    supervisor.time = Clock()
    {no_cgroups}
"""


def test_a_clock_that_is_set_back_keeps_nobody_alive(site: TestSite) -> None:
    """Memory is still looked at, and who ignores TERM is still killed."""
    flag = site.work / "flag"
    start_patched(site, SET_BACK.format(flag=str(flag), no_cgroups=NO_CGROUPS))
    stubborn = site.submit("trap '' TERM; echo > trapped; sleep 60 & wait; sleep 60")
    until((site.work / "trapped").exists, bool)
    hungry = site.submit(
        "while ! test -e flag; do sleep 0.05; done\n"
        "exec python3 -c 'import time; b = bytearray(150 << 20); time.sleep(60)'",
        memory_bytes=60 * MIB,
    )
    site.wait(hungry, "RUNNING")
    site.backend.cancel(stubborn)
    flag.touch()
    site.wait(stubborn, "CANCELLED", timeout_s=8)
    site.wait(hungry, "OUT_OF_MEMORY", timeout_s=8)
