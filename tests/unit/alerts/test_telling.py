"""What is said of new alerts."""

from __future__ import annotations

from jobshape.app.alerts.telling import headline, notification
from jobshape.app.domain.alert import Alert

ALERT = Alert("k", "HIGH", "r", "broke\x1b]0;x\x07", "", "", 1, "1", "a;b", 0.0)


def test_the_line_obeys_nobody() -> None:
    line = headline([ALERT, ALERT])
    assert "1 more" in line
    assert line.isprintable()


def test_signs_for_the_terminal() -> None:
    assert notification("off", "x") == ""
    assert notification("osc9", "a\x07b").count("\x07") == 1
    assert notification("osc777", "a;b") == "\x1b]777;notify;jobshape;a,b\x07"
    assert notification("osc9", "x", in_tmux=True) == "\x1bPtmux;\x1b\x1b]9;x\x07\x1b\\"
