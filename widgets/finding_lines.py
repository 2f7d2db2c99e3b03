"""A finding as lines: the cause, the lines that show it, what to do."""

import textwrap

from jobshape.app.domain.finding import UNKNOWN, Finding
from jobshape.widgets.glyphs import Glyphs
from jobshape.widgets.palette import Palette
from jobshape.widgets.spans import Piece
from jobshape.widgets.text import clean, cut_at_blanks, fit, width_of

MOST_EVIDENCE = 4
MOST_LINES = 3
"""Of one piece of evidence."""


def finding_lines(
    finding: Finding, width: int, palette: Palette, glyphs: Glyphs
) -> list[list[Piece]]:
    """A cause: its name and how sure, the lines that show it, what it means, what to do."""
    room = max(16, width - 5)
    sure = f"  {100 * finding.confidence:.0f} % sure" if finding.label != UNKNOWN else ""
    title = fit(clean(finding.title, glyphs), min(room, width_of(finding.title)), glyphs)
    lines: list[list[Piece]] = [[], [(f" {title}", palette.failed), (sure, palette.muted)]]
    for evidence in finding.evidence[:MOST_EVIDENCE]:
        place = evidence.source if evidence.line is None else f"{evidence.source}:{evidence.line}"
        lines.append([(f"  {glyphs.rule} ", palette.faint), (clean(place, glyphs), palette.muted)])
        lines += [
            [(f"  {glyphs.rule} ", palette.faint), (part, palette.text)]
            for part in cut_at_blanks(clean(evidence.text.strip(), glyphs), room)[:MOST_LINES]
        ]
    for text, style in ((finding.why, palette.muted), (finding.fix, palette.accent)):
        lines += [[("  " + part, style)] for part in textwrap.wrap(clean(text, glyphs), room)]
    return lines
