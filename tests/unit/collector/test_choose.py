"""Which backend is chosen, and what is said where none can be."""

from __future__ import annotations

import pytest
from jobshape.app.collector.choose import choose_backend
from jobshape.app.domain.errors import NoSite


@pytest.mark.parametrize("kind", ["no_such_module:make", "json:no_such_function", "slurmish"])
def test_a_backend_that_does_not_exist_is_said_to(kind: str) -> None:
    with pytest.raises(NoSite) as caught:
        choose_backend(kind)
    assert kind in caught.value.what
    assert caught.value.hint


def test_commands_are_commands() -> None:
    kind, backend = choose_backend("commands", ssh="somewhere")
    assert (kind, backend.calls) == ("commands", {})


def test_the_local_backend_needs_a_site() -> None:
    with pytest.raises(NoSite) as caught:
        choose_backend("local")
    assert "page of kind `local`" in caught.value.hint
