"""GPU figures of DCGM: its formats, whose GPU is whose, and endpoints that misbehave."""

from __future__ import annotations

import json
import threading
import time
import urllib.parse
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from jobshape.app.backends.gpu_usage import dcgm
from jobshape.app.backends.gpu_usage.figures import GpuFigures, NoFigures
from jobshape.app.backends.gpu_usage.http import MOST_BYTES, fetch

MIB = 1 << 20

# dcgm-exporter 4.x with --hpc-job-mapping-dir; labels as its README and NVIDIA's docs show them.
METRICS = """\
# HELP DCGM_FI_DEV_GPU_UTIL GPU utilization (in %).
# TYPE DCGM_FI_DEV_GPU_UTIL gauge
DCGM_FI_DEV_GPU_UTIL{gpu="0",UUID="GPU-1",device="nvidia0",modelName="NVIDIA A100",Hostname="g1.site",hpc_job="12"} 90
DCGM_FI_DEV_GPU_UTIL{gpu="1",UUID="GPU-2",device="nvidia1",modelName="a \\"b\\" }",Hostname="g1.site",hpc_job="12"} 50
DCGM_FI_DEV_GPU_UTIL{gpu="2",UUID="GPU-3",device="nvidia2",Hostname="g1.site",hpc_job="77"} 10
DCGM_FI_DEV_GPU_UTIL{gpu="3",UUID="GPU-4",device="nvidia3",Hostname="g1.site"} 0
DCGM_FI_DEV_FB_USED{gpu="0",UUID="GPU-1",Hostname="g1.site",hpc_job="12"} 1024
DCGM_FI_DEV_FB_USED{gpu="1",UUID="GPU-2",Hostname="g1.site",hpc_job="12"} 2048
DCGM_FI_DEV_FB_USED{gpu="3",UUID="GPU-4",Hostname="g1.site"} 0
DCGM_FI_DEV_FB_FREE{gpu="0",UUID="GPU-1",Hostname="g1.site",hpc_job="12"} 80000
DCGM_FI_DEV_FB_FREE{gpu="1",UUID="GPU-2",Hostname="g1.site",hpc_job="12"} 79000
DCGM_FI_DEV_MEMORY_TEMP{gpu="0",UUID="GPU-1"} 9223372036854775794
DCGM_FI_DEV_GPU_UTIL{broken
"""  # noqa: E501


def answer_of(samples: list[dcgm.Sample]) -> str:
    """The same samples as a Prometheus server gives them."""
    result = [
        {"metric": {"__name__": s.name, **s.labels}, "value": [1795836600.1, str(s.value)]}
        for s in samples
    ]
    return json.dumps(
        {"status": "success", "data": {"resultType": "vector", "result": result}}
    )  # fmt: skip


def test_the_label_names_the_jobs_gpus_in_both_formats() -> None:
    samples = dcgm.parse_metrics(METRICS, "g1")
    assert len(samples) == 9
    assert samples[1].labels["modelName"] == 'a "b" }'
    for said in (samples, dcgm.parse_answer(answer_of(samples))):
        assert dcgm.labelled_figures(said, 12, 2) == GpuFigures(
            "dcgm", 70.0, 3072 * MIB, (81024 + 81048) * MIB
        )


def test_all_of_the_jobs_gpus_or_no_figures() -> None:
    samples = dcgm.parse_metrics(METRICS, "g1")
    with pytest.raises(NoFigures, match="2 GPUs were found where the job has 4"):
        dcgm.labelled_figures(samples, 12, 4)
    with pytest.raises(NoFigures, match="hpc_job names no GPU of job 13"):
        dcgm.labelled_figures(samples, 13, 1)


def test_a_gpu_by_its_node_and_index_unless_it_is_another_jobs() -> None:
    samples = dcgm.parse_metrics(METRICS, "g1")
    idle = dcgm.placed_figures(samples, 5, {"g1": frozenset({"3"})}, 1)
    assert idle == GpuFigures("dcgm", 0.0, 0, None)  # measured: a true zero
    with pytest.raises(NoFigures, match="none of the job's GPUs"):
        dcgm.placed_figures(samples, 5, {"g1": frozenset({"2"})}, 1)
    with pytest.raises(NoFigures, match="none of the job's GPUs"):
        dcgm.placed_figures(samples, 5, {"g2": frozenset({"3"})}, 1)


@pytest.mark.parametrize("value", ["9223372036854775794", "NaN", "-1"])
def test_a_value_that_dcgm_does_not_have_is_none(value: str) -> None:
    line = f'DCGM_FI_DEV_GPU_UTIL{{gpu="0",hpc_job="12"}} {value}\n'
    used = 'DCGM_FI_DEV_FB_USED{gpu="0",hpc_job="12"} 7\n'
    found = dcgm.labelled_figures(dcgm.parse_metrics(line + used, "g1"), 12, 1)
    assert found == GpuFigures("dcgm", None, 7 * MIB, None)


def test_urls_and_queries() -> None:
    for base in ("http://p:9090", "http://p:9090/", "http://p:9090/api/v1/query"):
        url = dcgm.query_url(base, dcgm.jobs_selector([12, 13]))
        parts = urllib.parse.urlsplit(url)
        assert parts.path == "/api/v1/query"
        (query,) = urllib.parse.parse_qs(parts.query)["query"]
        assert query.endswith(',hpc_job=~"12|13"}') and "DCGM_FI_DEV_FB_FREE" in query
    assert dcgm.nodes_selector(["g.1"]).endswith(r'Hostname=~"g\\.1(\\..*)?"}')
    assert dcgm.is_exporter("http://{node}:9400/metrics")
    assert dcgm.exporter_url("http://{node}:9400/metrics", "g1") == "http://g1:9400/metrics"
    assert dcgm.exporter_url("http://{node}:9400/", "x/../y@z") == "http://x%2F..%2Fy%40z:9400/"


@pytest.mark.parametrize(
    "text", ["<html>", "[]", '{"status": "success"}', '{"status":"success","data":{"result":[1]}}']
)
def test_what_is_no_prometheus_is_told(text: str) -> None:
    with pytest.raises(NoFigures, match="no Prometheus server"):
        dcgm.parse_answer(text)


def test_what_prometheus_complains_of_is_told() -> None:
    with pytest.raises(NoFigures, match="Prometheus says: query timed out"):
        dcgm.parse_answer('{"status": "error", "error": "query timed out"}')


# --- over HTTP -----------------------------------------------------------------------------


@contextmanager
def serving(reply: Callable[[BaseHTTPRequestHandler], None]) -> Iterator[str]:
    """A server on this machine; gives its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            reply(self)

        def log_message(self, *_: object) -> None:
            """Keep quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def send(handler: BaseHTTPRequestHandler, body: bytes, code: int = 200, **headers: str) -> None:
    handler.send_response(code)
    for name, value in headers.items():
        handler.send_header(name, value)
    handler.end_headers()
    handler.wfile.write(body)


def test_an_endpoint_is_asked_whatever_proxy_there_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    with serving(lambda handler: send(handler, handler.path.encode())) as url:
        assert fetch(f"{url}/metrics?a=1", 5) == "/metrics?a=1"


def test_no_redirect_is_followed() -> None:
    asked = []

    def reply(handler: BaseHTTPRequestHandler) -> None:
        asked.append(handler.path)
        send(handler, b"", 302, Location="/elsewhere")

    with serving(reply) as url, pytest.raises(NoFigures, match="answers 302"):
        fetch(f"{url}/metrics", 5)
    assert asked == ["/metrics"]


def test_an_endless_answer_is_not_read_on() -> None:
    def reply(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.end_headers()
        with pytest.raises(OSError):
            while True:
                handler.wfile.write(b"#" * MOST_BYTES)

    with serving(reply) as url, pytest.raises(NoFigures, match="more than 4 MiB"):
        fetch(url, 30)


def test_a_slow_or_silent_endpoint_costs_no_more_than_the_time_out() -> None:
    over = threading.Event()

    def drip(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.end_headers()
        with pytest.raises(OSError):
            while not over.wait(0.02):
                handler.wfile.write(b"#")
            raise OSError

    def silent(handler: BaseHTTPRequestHandler) -> None:
        over.wait(30)

    for reply in (drip, silent):
        over.clear()
        with serving(reply) as url:
            began = time.monotonic()
            with pytest.raises(NoFigures, match="does not answer"):
                fetch(url, 0.2)
            assert time.monotonic() - began < 10
            over.set()


def test_nobody_there_and_other_schemes() -> None:
    unwell = serving(lambda handler: send(handler, b"", 503))
    with unwell as url, pytest.raises(NoFigures, match="answers 503"):
        fetch(url, 5)
    with pytest.raises(NoFigures, match="does not answer: "):
        fetch(url, 5)
    for other in ("file:///etc/passwd", "ftp://127.0.0.1/x", "//127.0.0.1"):
        with pytest.raises(NoFigures, match="neither http nor https"):
            fetch(other, 5)
