"""What is said of new alerts: a line for the screen, signs for the terminal's notifications."""

from collections.abc import Sequence

from jobshape.app.domain.alert import Alert
from jobshape.app.domain.text import sanitize

MOST_CHARS = 200


def headline(alerts: Sequence[Alert]) -> str:
    """One line for all of them; the worst is named. Not empty, the worst first."""
    worst = alerts[0]
    more = f" and {len(alerts) - 1} more (!)" if len(alerts) > 1 else " (!)"
    return sanitize(f"{worst.level}: {worst.label} {worst.name}: {worst.title}{more}")[:MOST_CHARS]


def notification(kind: str, text: str, *, in_tmux: bool = False) -> str:
    """The control sequence that has a terminal notify the desktop; "" for ``off``.

    Source: OSC 9 (iTerm2, ConEmu), OSC 777;notify (rxvt-unicode). tmux passes on what is wrapped
    where its option allow-passthrough is on.
    """
    said = sanitize(text)[:MOST_CHARS]
    if kind == "osc9":
        signs = f"\x1b]9;{said}\x07"
    elif kind == "osc777":
        signs = f"\x1b]777;notify;jobshape;{said.replace(';', ',')}\x07"
    else:
        return ""
    return f"\x1bPtmux;{signs.replace(chr(27), chr(27) * 2)}\x1b\\" if in_tmux else signs
