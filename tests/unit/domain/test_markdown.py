import pytest
from jobshape.app.domain.markdown import escape_markdown


@pytest.mark.parametrize(
    ("text", "made"),
    [
        ("train_small-v2.py", "train_small-v2.py"),
        ("a|b", r"a\|b"),
        ("`rm -rf`", r"\`rm -rf\`"),
        ("__init__ _x_", r"\_\_init\_\_ \_x\_"),
        ("<script>&amp;", r"\<script\>\&amp;"),
        ("[x](y) ![z]", r"\[x\](y) \!\[z\]"),
        ("see https://x.org", r"see https:/\/x.org"),
        ("WWW.x.org", r"WWW\.x.org"),
        ("a\nb\x1b[2J\u202e", "a␊b␛\\[2J\ufffd"),
        ("C:\\x", r"C:\\x"),
    ],
)
def test_text_of_others_stands_for_itself(text: str, made: str) -> None:
    assert escape_markdown(text) == made


@pytest.mark.parametrize(
    ("text", "made"),
    [
        ("# heading", r"\# heading"),
        ("- item", r"\- item"),
        ("12. item", r"12\. item"),
        ("---", r"\---"),
        ("--lr 1e-3", "--lr 1e-3"),
        ("12.5 s", "12.5 s"),
        ("12:30:00", "12:30:00"),
        ("2026-11-28", "2026-11-28"),
    ],
)
def test_at_the_start_of_a_line_it_begins_nothing(text: str, made: str) -> None:
    assert escape_markdown(text, at_start=True) == made
