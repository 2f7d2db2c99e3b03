"""The report of a whole campaign, in both forms."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest
from jobshape.app.reports.campaign_report import campaign_report
from jobshape.app.reports.html import as_html
from jobshape.app.reports.markdown import as_markdown
from jobshape.app.reports.records import CampaignRecords
from jobshape.app.rounds.campaign import Attempt, Campaign, GateLine, Lesson, Round, Trial

from .making import campaign

GOLDEN = Path(__file__).with_name("report.md")
ORDER = [
    "Objective and scope", "Rounds", "Findings by stage", "Resource fit",
    "Failures and mitigations", "Chosen next configuration and expected effect", "Learnings kept",
    "Remaining risks and next trial",
]  # fmt: skip
EVIL = "</td></svg><script>alert(1)</script>|`rm`\n# x\x1b[2J\u202e\" onload='x' https://evil.org"


@pytest.fixture(autouse=True)
def _utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def tree(html: str) -> ElementTree.Element:
    """The page, which is well-formed XML too."""
    return ElementTree.fromstring(html.removeprefix("<!DOCTYPE html>\n"))


def test_the_markdown_of_a_small_campaign() -> None:
    made = as_markdown(campaign_report(campaign()))
    assert made == GOLDEN.read_text("utf-8")


def test_sections_stand_in_their_order_in_both() -> None:
    report = campaign_report(campaign())
    assert re.findall(r"^## (.*)$", as_markdown(report), re.MULTILINE) == ORDER
    assert [one.text for one in tree(as_html(report)).iter("h2")] == ORDER


def test_rows_of_a_table_are_equally_wide_in_a_terminal() -> None:
    blocks = re.findall(r"(?:^\|.*\n)+", as_markdown(campaign_report(campaign())), re.MULTILINE)
    assert len(blocks) == 9
    for block in blocks:
        assert len({len(line) for line in block.splitlines()}) == 1


def test_the_page_says_what_the_markdown_says_and_has_two_plots() -> None:
    report = campaign_report(campaign())
    page = tree(as_html(report))
    text = " ".join("".join(page.itertext()).split())
    for line in as_markdown(report).splitlines():
        if line.startswith("- "):
            assert line.removeprefix("- ").replace("\\", "") in text
    assert len(list(page.iter("{http://www.w3.org/2000/svg}svg"))) == 2


def test_the_page_is_one_file_that_loads_nothing_and_runs_nothing() -> None:
    html = as_html(campaign_report(campaign()))
    page = tree(html)
    assert "default-src 'none'; style-src 'unsafe-inline'" in {
        one.get("content") for one in page.iter("meta")
    }
    tags = {one.tag.rpartition("}")[2] for one in page.iter()}
    assert not tags & {"script", "link", "img", "image", "use", "a", "iframe", "object"}
    names = {name for one in page.iter() for name in one.attrib}
    assert not [name for name in names if name.startswith("on") or "href" in name or name == "src"]
    assert set(re.findall(r"https?://[^\"]*", html)) == {"http://www.w3.org/2000/svg"}
    assert "prefers-color-scheme: dark" in html


def evil_campaign() -> CampaignRecords:
    """Every text that a job, a person or a site can choose is hostile."""
    trial = Trial(1, 1, 0, "full", EVIL, EVIL, EVIL, EVIL, EVIL, round=1, state="stuck", why=EVIL,
                  exclude_nodes=EVIL)  # fmt: skip
    done = Trial(2, 1, 1, "full", EVIL, EVIL, EVIL, EVIL, EVIL, round=1, state="completed")
    bad = Attempt(1, 1, 1, None, 7, EVIL, 1000, 1100, 1200, 100, 5, 1.0, 2, 50, 1, 3.0, EVIL, EVIL,
                  EVIL)  # fmt: skip
    well = [Attempt(2, number, 1, None, 8, "COMPLETED", 1000, 1100, 1200 + number, 100, 1 << 30,
                    1.0, 2, 8 << 30, 1, 3.0, EVIL) for number in range(1, 8)]  # fmt: skip
    return CampaignRecords(
        Campaign(1, EVIL, EVIL, EVIL, EVIL, EVIL, "asking", EVIL, EVIL, 1000, baseline=0),
        [Round(1, 1, EVIL, "failed", 1000, outcome=EVIL, gate=(GateLine(EVIL, False, EVIL),))],
        [trial, done], [bad, *well], lessons=[Lesson(1000, EVIL, EVIL, EVIL)], at=2000,
        objective=EVIL, changes={0: EVIL, 1: EVIL}, notes=[EVIL], next_trial=EVIL,
    )  # fmt: skip


def test_hostile_texts_stay_texts_in_html() -> None:
    html = as_html(campaign_report(evil_campaign()))
    page = tree(html)  # a tag that a text could open or close would not parse, or show below
    tags = {one.tag.rpartition("}")[2] for one in page.iter()}
    assert "script" not in tags
    assert not [name for one in page.iter() for name in one.attrib if name.startswith("on")]
    assert "<script" not in html
    assert all(letter.isprintable() or letter == "\n" for letter in html)
    cells = ["".join(cell.itertext()) for cell in page.iter("td")]
    assert any(
        cell.startswith("</td></svg><script>alert(1)</script>|`rm`␊# x␛[2J") for cell in cells
    )


def test_hostile_texts_stay_texts_in_markdown() -> None:
    made = as_markdown(campaign_report(evil_campaign()))
    assert all(letter.isprintable() or letter == "\n" for letter in made)
    assert not re.search(r"(?<!\\)<|(?<!\\)`|://", made)
    assert re.findall(r"^## (.*)$", made, re.MULTILINE) == ORDER
    for block in re.findall(r"(?:^\|.*\n)+", made, re.MULTILINE):
        bars = {len(re.findall(r"(?<!\\)\|", line)) for line in block.splitlines()}
        assert len(bars) == 1


def test_a_campaign_that_has_just_begun() -> None:
    made = campaign()
    bare = replace(made, rounds=(), trials=(), attempts=(), lessons=(), alternatives={},
                   changes={}, next_trial="", shapes={}, objective="",
                   campaign=replace(made.campaign, baseline=None))  # fmt: skip
    report = campaign_report(bare)
    text = as_markdown(report)
    assert "No round has begun." in text and "No attempt is over yet." in text
    assert "wall-clock from the first submission: -" in text
    tree(as_html(report))


def test_an_alternative_that_is_fast_and_fails_is_not_chosen() -> None:
    made = campaign()
    trials = [
        replace(one, state="stuck") if one.plan_id in ("train-1", "train-3") else one
        for one in made.trials
        if one.kind == "full"
    ]
    text = as_markdown(campaign_report(replace(made, trials=trials)))
    assert "- train: stay with workers=4; nothing that was tried and was stable took less" in text
    assert re.search(r"workers=8 +\| +1 \| +2 of 3", text)


@pytest.mark.parametrize(
    ("state", "said"),
    [("stopped", "None: the campaign was stopped."), ("active", "To be sent: 1 trial, train-7.")],
)
def test_what_comes_next_where_no_round_is_planned(state: str, said: str) -> None:
    made = campaign()
    kept = replace(made.campaign, state=state)  # type: ignore[arg-type]
    assert said in as_markdown(campaign_report(replace(made, campaign=kept, next_trial="")))


def test_an_open_round_is_what_comes_next() -> None:
    made = campaign()
    rounds = [*made.rounds[:2], replace(made.rounds[2], state="open", gate=())]
    trials = [replace(one, state="running") if one.plan_id == "train-5" else one
              for one in made.trials]  # fmt: skip
    text = as_markdown(campaign_report(replace(made, rounds=rounds, trials=trials, next_trial="")))
    assert (
        "Round 2 is open: more workers are faster. Under way: 1 trial, train-5. "
        "To be sent: 1 trial, train-7.\n" in text
    )


def test_ten_thousand_trials_make_a_short_report_soon() -> None:
    trials, attempts = [], []
    for at in range(10_000):
        trials.append(Trial(at, 1, at, "full", f"job-{at}", "p", f"s{at % 4}", f"s{at % 4}", "h",
                            round=1 + at % 3, state="completed"))  # fmt: skip
        attempts.append(Attempt(at, 1, 1, at, 9, "COMPLETED", 1000 + at, 1100 + at, 1500 + 2 * at,
                                None, 1 << 30, 50.0, 2, 8 << 30))  # fmt: skip
    made = campaign()
    records = replace(
        made, trials=trials, attempts=attempts, alternatives={}, changes={},
        rounds=[Round(1, number, "", "passed", 0) for number in (1, 2, 3)],
    )  # fmt: skip
    begin = time.process_time()
    report = campaign_report(records)
    markdown, html = as_markdown(report), as_html(report)
    took = time.process_time() - begin
    assert "and 3,309 more" in markdown and "48 of 10,000 trials" in html
    assert len(markdown) < 40_000 and len(html) < 120_000
    assert took < 5  # some 0.5 s on an idle core
