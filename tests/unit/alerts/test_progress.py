"""What a program says of its own progress."""

from __future__ import annotations

import pytest
from jobshape.app.alerts.progress import progress_of


@pytest.mark.parametrize(
    ("text", "share"),
    [
        ("Epoch 3/10 loss 0.4", 0.3),
        ("epoch: 3 of 10\n 87%|####  | 87/100", 0.3),
        ("[step 500/2000] loss 1.2", 0.25),
        ("train:  45%|████      | 45/100 [00:10<00:12]", 0.45),
        ("\r 10%|#\r 20%|##\r 30%|###", 0.30),
        ("progress: 12.5 %", 0.12),
        ("100% [====] done", 1.0),
    ],
)
def test_is_read(text: str, share: float) -> None:
    found = progress_of(text)
    assert found is not None
    assert found.share == pytest.approx(share)


@pytest.mark.parametrize(
    "text",
    ["", "loss 0.45", "on 2026/11/28 we saw 10/3", "cpu 99% mem 20%", "step 12/10", "n/a 150%|"],
)
def test_is_none(text: str) -> None:
    assert progress_of(text) is None
