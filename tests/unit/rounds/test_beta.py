import pytest
from hypothesis import given
from hypothesis import strategies as st
from jobshape.app.rounds.beta import beta_quantile, beta_share, t_quantile


@pytest.mark.parametrize(
    ("share", "a", "b", "known"),
    [
        (0.5, 1, 1, 0.5),
        (0.9, 2, 1, 0.9**0.5),  # of Beta(a, 1): share ** (1 / a)
        (0.25, 1, 3, 1 - 0.75 ** (1 / 3)),
        (0.5, 3, 4, 0.4214071907),
        (0.25, 0.5, 0.5, 0.1464466094),  # arcsine: sin(pi / 8) ** 2
    ],
)
def test_quantiles_known_otherwise(share: float, a: float, b: float, known: float) -> None:
    assert beta_quantile(share, a, b) == pytest.approx(known, rel=1e-8)


@pytest.mark.parametrize(
    ("freedom", "known"), [(1, 6.313752), (2, 2.919986), (10, 1.812461), (1e6, 1.644855)]
)
def test_students_t_as_in_its_tables(freedom: float, known: float) -> None:
    assert t_quantile(0.90, freedom) == pytest.approx(known, rel=1e-5)


_SIZES = st.floats(0.5, 20_000)


@given(st.floats(0.01, 0.99), _SIZES, _SIZES)
def test_the_share_below_a_quantile_is_its_share(share: float, a: float, b: float) -> None:
    assert beta_share(beta_quantile(share, a, b), a, b) == pytest.approx(share, abs=1e-5)
