"""A manifest made out of a script reads back as what went in."""

from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from jobshape.app.domain.shape import JobShape
from jobshape.app.rounds.expanding import expand
from jobshape.app.rounds.from_script import manifest_of_script
from jobshape.app.rounds.reading import read_text

WORDS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=30)
PRINTABLE = WORDS.filter(lambda text: text.isprintable() and text.strip(". /") and "/" not in text)
SHAPES = st.builds(
    JobShape,
    partition=st.sampled_from([None, "main", "main,long"]),
    cpus_per_task=st.none() | st.integers(1, 512),
    memory_bytes=st.none() | st.integers(1, 4096).map(lambda mib: mib * 2**20),
    gpus=st.sampled_from([None, "0", "2", "a100:4"]),
    time_limit_s=st.none() | st.integers(1, 10_000).map(lambda minutes: minutes * 60),
    exclude_nodes=st.sampled_from([None, "n3,n[7-9]"]),
)


@settings(max_examples=60, deadline=None)
@given(script=PRINTABLE, name=WORDS, arguments=st.lists(WORDS, max_size=4), shape=SHAPES)
def test_reads_back(script: str, name: str, arguments: list[str], shape: JobShape) -> None:
    text = manifest_of_script(f"/home/a/{script}", name=name, arguments=arguments, shape=shape)
    manifest = read_text(text, Path("/home/a/x.yaml")).manifest
    (job,) = expand(manifest)
    assert job.recipe.script == script
    assert list(job.words) == arguments
    assert job.recipe.shape == shape
