"""Texts, bars, layouts, key lists and plans: what is drawn, without a screen."""

from __future__ import annotations

from pathlib import Path

import pytest
from jobshape.app.board.columns import COLUMNS, DEFAULT_COLUMNS
from jobshape.app.settings.values import Ui
from jobshape.screens.acting import plan
from jobshape.screens.commands import COMMANDS, SCREENS, allowed, keys_markdown
from jobshape.screens.commands.everywhere import EVERYWHERE
from jobshape.screens.memory import FILE_NAME, load_kept, save_kept
from jobshape.screens.ports import Kept
from jobshape.widgets.glyphs import ASCII, UNICODE, Glyphs
from jobshape.widgets.palette import LEGIBLE_CONTRAST, _contrast, _from_theme, legible
from jobshape.widgets.table_layout import lay_out
from jobshape.widgets.text import bar, clean, fit
from recorded import LIVE, job, jobs, recorded_board
from rich.cells import cell_len
from textual.color import Color
from textual.theme import BUILTIN_THEMES


@pytest.mark.parametrize("text", ["plain", "数据预处理", "e\u0301clair", "", "ünïcödé ✓", "a" * 99])
@pytest.mark.parametrize("width", [1, 2, 3, 7, 20])
def test_a_fitted_text_is_exactly_as_wide(text: str, width: int) -> None:
    assert cell_len(fit(text, width, UNICODE)) == width
    assert cell_len(fit(text, width, UNICODE, "right")) == width


def test_a_cut_text_shows_that_it_is_cut() -> None:
    assert fit("abcdef", 4, UNICODE) == "abc…"
    assert fit("abcdef", 4, ASCII) == "abc~"
    assert fit("数据数据", 4, UNICODE) == "数 …"


@pytest.mark.parametrize("text", ["\x1b[31m", "a\nb", "\u202eevil", "\x9b1m", "\u200b", "x\x00y"])
@pytest.mark.parametrize("glyphs", [UNICODE, ASCII], ids=["unicode", "ascii"])
def test_a_clean_text_holds_nothing_a_terminal_obeys(text: str, glyphs: Glyphs) -> None:
    cleaned = clean(text, glyphs)
    assert cleaned.isprintable()
    assert cleaned.isascii() or not glyphs.is_ascii


@pytest.mark.parametrize("glyphs", [UNICODE, ASCII], ids=["unicode", "ascii"])
@pytest.mark.parametrize("width", [3, 8, 24])
def test_a_bar_is_full_only_when_full_and_empty_only_when_empty(glyphs: Glyphs, width: int) -> None:
    for share in (0.0, 0.001, 0.5, 0.999, 1.0, 7.0):
        filled, empty = bar(share, width, glyphs)
        assert len(filled) + len(empty) == width
        is_full = glyphs.bar_full * width == filled
        assert is_full == (share >= 1)
    assert bar(0.0, width, glyphs)[0] == ""


def test_an_ascii_screen_has_ascii_signs_only() -> None:
    assert all(sign.isascii() for sign in ASCII if isinstance(sign, str))
    assert all(cell_len(sign) == 1 for sign in (*UNICODE, *ASCII) if isinstance(sign, str))


@pytest.mark.parametrize("width", range(20, 240, 7))
@pytest.mark.parametrize("keys", [DEFAULT_COLUMNS, tuple(COLUMNS), ("id",), ("comment", "name")])
def test_columns_fit_in_any_width(width: int, keys: tuple[str, ...]) -> None:
    layout = lay_out([COLUMNS[key] for key in keys], width, {"name": 33}, id_width=12)
    end = 0
    for place in layout.places:
        assert place.x >= end
        end = place.x + place.width
    assert end <= width
    assert len(layout.places) + len(layout.hidden) == len(keys)


def test_eighty_columns_keep_what_matters() -> None:
    layout = lay_out([COLUMNS[key] for key in DEFAULT_COLUMNS], 79, {}, id_width=7)
    keys = [place.column.key for place in layout.places]
    assert keys[:4] == ["id", "state", "time", "name"]
    assert {"partition", "memory", "gpus", "where"} <= set(keys)


def test_a_chosen_width_is_kept() -> None:
    layout = lay_out([COLUMNS[key] for key in DEFAULT_COLUMNS], 200, {"name": 33})
    assert next(p.width for p in layout.places if p.column.key == "name") == 33


@pytest.mark.parametrize("name", [name for name, theme in BUILTIN_THEMES.items() if not theme.ansi])
def test_every_state_can_be_read_in_every_theme(name: str) -> None:
    variables = BUILTIN_THEMES[name].to_color_system().generate()
    names = ("background", "foreground", "panel", "primary", "success", "warning", "error",
             "accent", "secondary")  # fmt: skip
    palette = _from_theme(tuple(variables[key] for key in names))
    ink, ground = Color.parse(variables["foreground"]), Color.parse(variables["background"])
    least = min(LEGIBLE_CONTRAST, _contrast(ink, ground))
    for role in ("running", "waiting", "failed", "done", "warning", "key"):
        for style in (
            getattr(palette, role),
            palette.on_cursor(getattr(palette, role), focused=True),
        ):
            assert style.color and style.bgcolor
            seen, on = Color.from_rich_color(style.color), Color.from_rich_color(style.bgcolor)
            assert _contrast(seen, on) >= min(least, 3.0), (role, seen.hex, on.hex)


def test_legible_gives_up_for_black_or_white() -> None:
    grey = Color.parse("#777777")
    assert _contrast(legible(grey, grey, grey), grey) > 3


def test_no_key_means_two_things_and_no_command_has_two_names() -> None:
    for commands in SCREENS.values():
        on_screen = {*commands, *EVERYWHERE}
        meaning: dict[str, str] = {}  # a screen may do what all do in its own way
        for command in on_screen:
            for key in command.keys:
                assert meaning.setdefault(key, command.name) == command.name
        names = {command.identity: command.name for command in on_screen}
        assert len(names) == len({(c.identity, c.name) for c in on_screen})


def test_a_read_only_session_has_no_destructive_command() -> None:
    gone = {c.name for c in COMMANDS} - {c.name for c in allowed(COMMANDS, read_only=True)}
    assert gone == {
        "hold", "release", "cancel", "requeue", "top", "suspend", "resume", "edit", "submit",
        "resubmit", "undo", "smoke", "answer", "pause", "stop",
    }  # fmt: skip


def test_the_key_table_names_every_command() -> None:
    table = keys_markdown()
    assert all(f"| {command.title} |" in table for command in COMMANDS)


def test_a_whole_array_is_one_call_and_a_part_is_not() -> None:
    board = recorded_board()
    tasks = [one for one in jobs() if one.array_job_id == 9400]
    assert [t.reference for t in plan("cancel", tasks, board).targets] == ["9400"]
    assert len(plan("cancel", tasks[:12], board).targets) == 3
    assert len(plan("requeue", tasks[:12], board).targets) == 12


def test_tasks_not_split_yet_are_named_without_their_limit() -> None:
    board = recorded_board()
    one = next(one for one in jobs() if one.array_tasks)
    (target,) = plan("hold", [one], board).targets
    assert (target.reference, target.tasks) == ("9500_[8-500]", 493)


def test_jobs_of_others_are_left_out_beside_own_ones() -> None:
    both = [job(1, user="bob"), job(2, user="alice")]
    board = recorded_board(LIVE._replace(user="root"))
    assert len(plan("cancel", both, board).targets) == 2
    board = recorded_board(LIVE)
    assert plan("cancel", both, board).left_out == (("belongs to bob", 1),)
    assert plan("cancel", both[:1], board).targets  # the site says whether one may


def test_what_was_set_up_is_found_again(tmp_path: Path) -> None:
    kept = Kept(columns=("id", "name"), widths={"name": 30}, sort="cpus", group="stage")
    save_kept(tmp_path, kept, Ui())
    assert load_kept(tmp_path, Ui()) == kept


def test_a_setting_changed_since_wins(tmp_path: Path) -> None:
    save_kept(tmp_path, Kept(columns=("id", "name"), theme="nord"), Ui())
    kept = load_kept(tmp_path, Ui(columns=("id", "state"), theme="dracula"))
    assert (kept.columns, kept.theme) == (("id", "state"), "dracula")


@pytest.mark.parametrize("text", ["", "{", "[]", '{"version": 1}', '{"version": 1, "kept": 3}'])
def test_a_broken_file_counts_as_none(tmp_path: Path, text: str) -> None:
    (tmp_path / FILE_NAME).write_text(text)
    assert load_kept(tmp_path, Ui()) == Kept()
