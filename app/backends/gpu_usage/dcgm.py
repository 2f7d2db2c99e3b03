"""GPU figures of NVIDIA's DCGM: from a Prometheus server, or from each node's dcgm-exporter.

dcgm-exporter labels a GPU with ``hpc_job`` where the site's prolog tells it (its option
``--hpc-job-mapping-dir``); that names the job for certain. Else a GPU is a job's by its node and
by the index that Slurm gave the job there. Sizes are in MiB. Source: DCGM's field identifiers.
"""

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from jobshape.app.backends.gpu_usage.figures import Card, GpuFigures, NoFigures, together
from jobshape.app.domain.units import MIB

SOURCE = "dcgm"
_UTIL, _USED, _FREE = "DCGM_FI_DEV_GPU_UTIL", "DCGM_FI_DEV_FB_USED", "DCGM_FI_DEV_FB_FREE"
_NAMES = (_UTIL, _USED, _FREE)
_BLANK = 1e15  # DCGM writes "no value" as 9223372036854775794
_NODE = "{node}"
_QUERY_PATH = "/api/v1/query"
_LINE = re.compile(r"^(\w+)\{(.*)\}\s+(\S+)")
_LABEL = re.compile(r'([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"')
_ESCAPED = re.compile(r"\\(.)")

Fetch = Callable[[str], str]
Slots = Mapping[str, frozenset[str]]
"""The GPUs that Slurm gave a job: node -> indices."""


class Sample(NamedTuple):
    """One value of one metric."""

    name: str
    labels: Mapping[str, str]
    value: float

    @property
    def node(self) -> str:
        """The short name of the node it is from."""
        host = self.labels.get("Hostname") or self.labels.get("instance", "")
        return host.partition(":")[0].partition(".")[0]


def is_exporter(url: str) -> bool:
    """Whether a URL means the exporter of each node; else it is a Prometheus server's."""
    return _NODE in url


def exporter_url(url: str, node: str) -> str:
    """The URL of a node's exporter."""
    from urllib.parse import quote

    return url.replace(_NODE, quote(node, safe=""))


def query_url(url: str, selector: str) -> str:
    """The URL that asks a Prometheus server for these series now."""
    from urllib.parse import urlencode

    base = url.rstrip("/")
    if not base.endswith(_QUERY_PATH):
        base += _QUERY_PATH
    return f"{base}?{urlencode({'query': selector})}"


def jobs_selector(job_ids: Iterable[int]) -> str:
    """The series labelled with these jobs."""
    return _selector("hpc_job", map(str, job_ids))


def nodes_selector(nodes: Iterable[str]) -> str:
    """The series of these nodes, by short or full name."""
    return _selector("Hostname", (f"{_literal(node)}(\\..*)?" for node in nodes))


def _selector(label: str, patterns: Iterable[str]) -> str:
    wanted = json.dumps("|".join(patterns))  # a text in PromQL is quoted as in JSON
    return f'{{__name__=~"{"|".join(_NAMES)}",{label}=~{wanted}}}'


def _literal(text: str) -> str:
    return re.sub(r"([^A-Za-z0-9_-])", r"\\\1", text)


def parse_answer(text: str) -> list[Sample]:
    """The samples of a Prometheus answer. Raises NoFigures."""
    try:
        document = json.loads(text)
        if document["status"] != "success":
            raise NoFigures(f"Prometheus says: {str(document.get('error', '?'))[:100]}")
        return [
            Sample(entry["metric"].get("__name__", ""), entry["metric"], float(entry["value"][1]))
            for entry in document["data"]["result"]
        ]
    except (ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
        raise NoFigures("what answers at dcgm_url is no Prometheus server") from error


def parse_metrics(text: str, node: str) -> list[Sample]:
    """The samples of a node's exporter, in Prometheus' text format."""
    samples = []
    for line in text.splitlines():
        match = _LINE.match(line) if line.startswith(_NAMES) else None
        if match is None:
            continue
        labels = {name: _ESCAPED.sub(_unescaped, value) for name, value in _LABEL.findall(match[2])}
        try:
            samples.append(Sample(match[1], {**labels, "Hostname": node}, float(match[3])))
        except ValueError:
            continue
    return samples


def _unescaped(match: re.Match[str]) -> str:
    return "\n" if match[1] == "n" else match[1]


def labelled_figures(samples: Sequence[Sample], job_id: int, gpus: int) -> GpuFigures:
    """The figures of the GPUs that carry the job's id. Raises NoFigures."""
    own = [sample for sample in samples if sample.labels.get("hpc_job") == str(job_id)]
    if not own:
        raise NoFigures(f"DCGM's hpc_job names no GPU of job {job_id}")
    return together(_cards(own), gpus, SOURCE)


def placed_figures(samples: Sequence[Sample], job_id: int, slots: Slots, gpus: int) -> GpuFigures:
    """The figures of the GPUs that Slurm says are the job's. Raises NoFigures.

    A GPU that hpc_job gives to another job is not taken.
    """
    own = [
        sample for sample in samples
        if sample.labels.get("gpu", "") in slots.get(sample.node, ())
        and sample.labels.get("hpc_job", "") in ("", "0", str(job_id))
    ]  # fmt: skip
    if not own:
        raise NoFigures("DCGM knows none of the job's GPUs")
    return together(_cards(own), gpus, SOURCE)


def _cards(samples: Iterable[Sample]) -> list[Card]:
    found: dict[tuple[str, str, str], dict[str, float]] = {}
    for sample in samples:
        labels = sample.labels
        key = (sample.node, labels.get("gpu", ""), labels.get("GPU_I_ID", ""))
        if 0 <= sample.value < _BLANK:  # NaN is neither
            found.setdefault(key, {})[sample.name] = sample.value
    return [
        Card(node, index, said.get(_UTIL), _bytes(said, _USED), _bytes(said, _USED, _FREE))
        for (node, index, _), said in found.items()
    ]


def _bytes(said: Mapping[str, float], *names: str) -> int | None:
    """The sum of sizes in MiB, if all are known."""
    if not all(name in said for name in names):
        return None
    return round(sum(said[name] for name in names) * MIB)
