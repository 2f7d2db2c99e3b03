"""The colours of what is drawn line by line, made from the theme in use."""

from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

from jobshape.app.domain.states import Phase, phase_of
from rich.style import Style
from textual.app import App
from textual.color import Color

LEGIBLE_CONTRAST = 4.5
"""Least contrast of text with its ground (WCAG 2.1, level AA)."""


class Palette(NamedTuple):
    """Rich styles by their role; each carries its ground, so that strips need no other."""

    text: Style
    strong: Style
    muted: Style
    faint: Style
    running: Style
    waiting: Style
    failed: Style
    done: Style
    unknown: Style
    warning: Style
    accent: Style
    frame: Style
    frame_strong: Style
    header: Style
    header_sorted: Style
    group: Style
    bar: Style
    bar_high: Style
    alarm: Style
    notice: Style
    key: Style
    key_blocked: Style
    cursor: Style
    cursor_blurred: Style
    marked: Style

    def on_cursor(self, style: Style, *, focused: bool) -> Style:
        """A style on the row of the cursor."""
        ground = self.cursor if focused else self.cursor_blurred
        if ground.bgcolor is None or ground.bgcolor.is_default:
            return ground  # reverse video or underlined: one style for the whole row
        if style.color is None or style in (self.text, self.strong, self.muted, self.faint):
            return ground  # one ink for all that says nothing by its colour: read in a glance
        seen = legible(
            Color.from_rich_color(style.color),
            Color.from_rich_color(ground.bgcolor),
            Color.from_rich_color(self.cursor.color),
        )
        return Style(color=seen.rich_color, bgcolor=ground.bgcolor, bold=style.bold)

    def of_state(self, state: str) -> Style:
        """The style of a job in this state."""
        return self.of_phase(phase_of(state))

    def of_phase(self, phase: Phase) -> Style:
        """The style of jobs in this phase."""
        return getattr(self, _ROLE_OF_PHASE[phase])  # type: ignore[no-any-return]


_ROLE_OF_PHASE = {
    Phase.RUNNING: "running",
    Phase.WAITING: "waiting",
    Phase.DONE: "done",
    Phase.FAILED: "failed",
    Phase.CANCELLED: "muted",  # no alarm
    Phase.UNKNOWN: "unknown",
}


def palette_of(app: App[object]) -> Palette:
    """The palette of the app's theme; without colours where the person wants none."""
    if app.no_color:
        return _NO_COLOUR
    if app.native_ansi_color:
        return _ANSI_DARK if app.current_theme.dark else _ANSI_LIGHT
    variables = app.theme_variables
    return _from_theme(tuple(variables[name] for name in _VARIABLES))


_VARIABLES = ("background", "foreground", "panel", "primary", "success", "warning", "error",
              "accent", "secondary")  # fmt: skip


@lru_cache(maxsize=8)
def _from_theme(values: tuple[str, ...]) -> Palette:
    colours: Mapping[str, Color] = dict(zip(_VARIABLES, map(Color.parse, values), strict=True))
    ground, ink = colours["background"], colours["foreground"]
    raised = ground.blend(colours["panel"], 0.75)
    cursor = ground.blend(colours["primary"], 0.42)

    def style(colour: Color, on: Color = ground, *, bold: bool = False) -> Style:
        seen = legible(colour, on, ink)
        return Style(color=seen.rich_color, bgcolor=on.rich_color, bold=bold or None)

    def pale(share: float) -> Style:
        return Style(color=ground.blend(ink, share).rich_color, bgcolor=ground.rich_color)

    return Palette(
        text=style(ink),
        strong=style(ink, bold=True),
        muted=pale(0.62),
        faint=pale(0.28),
        running=style(colours["success"]),
        waiting=style(colours["warning"]),
        failed=style(colours["error"]),
        done=style(ground.blend(colours["primary"], 0.8)),
        unknown=style(ink, bold=True),
        warning=style(colours["warning"], bold=True),
        accent=style(colours["accent"]),
        frame=style(ground.blend(ink, 0.75), raised),
        frame_strong=style(ink, raised, bold=True),
        header=style(ground.blend(ink, 0.75), raised),
        header_sorted=style(ink, raised, bold=True),
        group=style(colours["primary"], bold=True),
        bar=style(ground.blend(colours["primary"], 0.9)),
        bar_high=style(colours["warning"]),
        alarm=Style(
            color=colours["error"].get_contrast_text(1.0).rich_color,
            bgcolor=colours["error"].rich_color,
            bold=True,
        ),
        notice=Style(
            color=colours["warning"].get_contrast_text(1.0).rich_color,
            bgcolor=colours["warning"].rich_color,
        ),
        key=style(colours["accent"], bold=True),
        key_blocked=pale(0.40),
        cursor=Style(color=legible(ink, cursor, ink).rich_color, bgcolor=cursor.rich_color),
        cursor_blurred=Style(
            color=ink.rich_color, bgcolor=ground.blend(colours["primary"], 0.2).rich_color
        ),
        marked=style(colours["accent"], bold=True),
    )


def legible(colour: Color, ground: Color, ink: Color) -> Color:
    """The colour, moved towards the ink until it can be read on this ground."""
    for step in range(11):
        seen = colour.blend(ink, step / 10)
        if _contrast(seen, ground) >= LEGIBLE_CONTRAST:
            return seen
    return ground.get_contrast_text(1.0)


def _contrast(one: Color, other: Color) -> float:
    """Contrast ratio, 1 to 21 (WCAG 2.1, definition of contrast ratio)."""
    dark, light = sorted((_luminance(one), _luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: Color) -> float:
    parts = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
        for part in (colour.r / 255, colour.g / 255, colour.b / 255)
    )
    return sum(w * p for w, p in zip((0.2126, 0.7152, 0.0722), parts, strict=True))


def _ansi(**roles: str) -> Palette:
    return Palette(**{name: Style.parse(text) for name, text in roles.items()})


# The terminal's own colours. The cursor is reverse video: no one of the 16 colours is sure to
# stand out from a ground we cannot know.
_ANSI_DARK = _ansi(
    text="default on default", strong="bold default on default", muted="dim default on default",
    faint="bright_black on default", running="green on default", waiting="yellow on default",
    failed="bold red on default", done="blue on default", unknown="bold magenta on default",
    warning="bold yellow on default", accent="cyan on default",
    frame="default on default", frame_strong="bold default on default",
    header="dim underline default on default", header_sorted="bold underline default on default",
    group="bold blue on default", bar="blue on default", bar_high="yellow on default",
    alarm="bold white on red", notice="black on yellow", key="bold cyan on default",
    key_blocked="bright_black on default", cursor="reverse default on default",
    cursor_blurred="underline default on default", marked="bold cyan on default",
)  # fmt: skip

_ANSI_LIGHT = _ANSI_DARK._replace(
    waiting=Style.parse("magenta on default"),
    warning=Style.parse("bold red on default"),
    accent=Style.parse("blue on default"),
    faint=Style.parse("dim default on default"),
    key=Style.parse("bold blue on default"),
    key_blocked=Style.parse("dim default on default"),
    bar_high=Style.parse("red on default"),
    unknown=Style.parse("bold magenta on default"),
)

_NO_COLOUR = _ansi(
    text="none", strong="bold", muted="dim", faint="dim", running="none", waiting="none",
    failed="bold underline", done="dim", unknown="bold", warning="bold", accent="none",
    frame="none", frame_strong="bold", header="underline", header_sorted="bold underline",
    group="bold", bar="none", bar_high="bold", alarm="bold reverse", notice="reverse",
    key="bold", key_blocked="dim", cursor="reverse", cursor_blurred="underline", marked="bold",
)  # fmt: skip
