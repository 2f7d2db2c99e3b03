from __future__ import annotations

import os
import stat
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from jobshape.app.domain.errors import OutputError
from jobshape.app.rounds.campaign import Attempt, Lesson, Trial
from jobshape.app.rounds.lessons import (
    LOG_PLACE,
    append_log,
    family_of,
    lesson_line,
    lessons_of,
    prior,
)

G = 1024**3
TRIAL = Trial(1, 1, 0, "full", "a", "teach", "train", "train#2", "hash", state="completed")


def attempt(number: int, state: str = "COMPLETED", label: str = "", **fields: Any) -> Attempt:
    return Attempt(1, number, number, None, 100 + number, state, submitted_at=number * 1000,
                   started_at=number * 1000 + 10, ended_at=number * 1000 + 610, label=label,
                   **fields)  # fmt: skip


def texts(trial: Trial, *attempts: Attempt) -> list[str]:
    return [one.text for one in lessons_of(trial, attempts, campaign="distill", family="f")]


OOM = attempt(1, "OUT_OF_MEMORY", "oom_host", memory_bytes=4 * G, title="out of host memory")


def test_more_memory_fixed_it() -> None:
    twice = replace(OOM, number=2, memory_bytes=5 * G)
    assert texts(TRIAL, OOM, twice, attempt(3, memory_bytes=10 * G)) == [
        "out of host memory with 4G and 5G; did well with 10G"
    ]


def test_more_time_fixed_it() -> None:
    late = attempt(1, "TIMEOUT", "timeout", title="time limit reached")
    assert texts(replace(TRIAL, time_limit_s=900), late, attempt(2)) == [
        "time limit reached after 00:10:00; did well in 00:10:00 under --time=00:15:00"
    ]


def test_another_node_fixed_it() -> None:
    sick = attempt(1, "NODE_FAIL", "node_fail", title="a node failed", node_list="n3")
    well = attempt(2, node_list="n4")
    assert texts(TRIAL, sick, well) == ["a node failed on n3; did well on n4"]
    assert texts(replace(TRIAL, exclude_nodes="n3"), sick, well) == [
        "a node failed on n3; did well on n4 with n3 excluded"
    ]
    assert texts(TRIAL, sick, replace(well, node_list="n3")) == [
        "a node failed on n3; did well when it was sent again"
    ]


def test_nothing_fixed_it() -> None:
    stuck = replace(TRIAL, state="stuck", why="3 times the same")
    assert texts(stuck, OOM, replace(OOM, number=2)) == [
        "out of host memory with 4G; not solved in 2 attempts: 3 times the same"
    ]


def test_each_way_to_fail_is_a_lesson() -> None:
    node = attempt(2, "NODE_FAIL", "node_fail", title="a node failed")
    assert len(texts(TRIAL, OOM, node, attempt(3, memory_bytes=8 * G))) == 2


def test_what_went_well_or_still_runs_teaches_nothing() -> None:
    assert texts(TRIAL, attempt(1)) == []
    assert texts(replace(TRIAL, state="pending"), OOM) == []


def test_a_lesson_is_dated_with_the_last_end_and_holds_no_control_codes() -> None:
    evil = attempt(1, "FAILED", "x", title="\x1b[2J\nboom" + "z" * 500)
    (lesson,) = lessons_of(TRIAL, [evil, attempt(2)], campaign="c", family="f")
    assert lesson.at == 2610
    assert lesson.text.isprintable() and len(lesson.text) == 300


def test_a_family_is_stage_target_and_script() -> None:
    assert family_of(TRIAL, "jobs/train.sh") == "train/train#2/train.sh"
    assert family_of(replace(TRIAL, target="train")) == "train"


def test_prior_lessons_are_of_the_family_the_newest_first_and_once() -> None:
    lessons = [Lesson(1, "a", "f", "x"), Lesson(3, "b", "f", "x"), Lesson(2, "a", "f", "y"),
               Lesson(9, "a", "other", "z")]  # fmt: skip
    assert prior(lessons, "f") == [Lesson(3, "b", "f", "x"), Lesson(2, "a", "f", "y")]


# The log

LESSON = Lesson(1_795_860_000, "distill", "train", "a | b `c`; did well with 8G")


def test_the_log_is_made_with_a_heading_and_a_line_stands_there_once(tmp_path: Path) -> None:
    later = LESSON._replace(at=LESSON.at + 5 * 86400)
    assert append_log(tmp_path, [LESSON, LESSON]).added == 1
    assert append_log(tmp_path, [later]) == (tmp_path / LOG_PLACE, 0)
    text = (tmp_path / LOG_PLACE).read_text("utf-8")
    assert text.startswith("# What jobshape learned here\n\n")
    assert text.endswith(f"\n\n{lesson_line(LESSON)}\n")
    assert lesson_line(LESSON).endswith(r"distill, train: a \| b \`c\`; did well with 8G")


def test_what_a_person_wrote_there_stays_byte_for_byte(tmp_path: Path) -> None:
    path = tmp_path / LOG_PLACE
    path.parent.mkdir()
    path.write_bytes(b"# Ours\r\n\xff no newline")
    path.chmod(0o640)
    append_log(tmp_path, [LESSON])
    assert (
        path.read_bytes() == b"# Ours\r\n\xff no newline\n" + lesson_line(LESSON).encode() + b"\n"
    )
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert [one.name for one in path.parent.iterdir()] == ["jobshape-log.md"]


@pytest.mark.parametrize("linked", ["file", "folder"])
def test_a_link_out_of_the_project_is_refused(tmp_path: Path, linked: str) -> None:
    project, outside = tmp_path / "project", tmp_path / "outside"
    project.mkdir()
    outside.mkdir()
    (outside / "jobshape-log.md").write_text("theirs", "utf-8")
    if linked == "folder":
        (project / "docs").symlink_to(outside)
    else:
        (project / "docs").mkdir()
        (project / LOG_PLACE).symlink_to(outside / "jobshape-log.md")
    with pytest.raises(OutputError, match="link out of the project"):
        append_log(project, [LESSON])
    assert (outside / "jobshape-log.md").read_text("utf-8") == "theirs"


def test_a_link_inside_the_project_is_followed(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / LOG_PLACE).symlink_to(tmp_path / "NOTES.md")
    append_log(tmp_path, [LESSON])
    assert (tmp_path / LOG_PLACE).is_symlink()
    assert lesson_line(LESSON) in (tmp_path / "NOTES.md").read_text("utf-8")


def test_a_pipe_or_a_folder_is_no_log(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    os.mkfifo(tmp_path / LOG_PLACE)
    with pytest.raises(OutputError, match="no plain file"):
        append_log(tmp_path, [LESSON])


def test_two_writers_lose_nothing(tmp_path: Path) -> None:
    def write(which: int) -> None:
        for number in range(10):
            append_log(tmp_path, [Lesson(0, "c", "f", f"lesson {which} {number}")])

    threads = [threading.Thread(target=write, args=(which,)) for which in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (tmp_path / LOG_PLACE).read_text("utf-8").count("\n- ") == 40
