"""Times that are far away, or a clock that is set back: the supervisor neither ends nor waits."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from jobshape.app.backends.local.shape import parse_begin
from jobshape.app.domain.errors import BadRequest

from .sites import TestSite


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
