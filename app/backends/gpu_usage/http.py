"""One GET of a text, bounded in time and size: no redirects, no proxies, http and https only."""

import time
from typing import Any

from jobshape.app.backends.gpu_usage.figures import NoFigures

MOST_BYTES = 4 << 20


def fetch(url: str, timeout_s: float) -> str:
    """The text behind a URL. Raises NoFigures, which names the host and what is wrong.

    The site's own figures are asked for directly, whatever proxy the environment names.
    """
    # Only where a page names an endpoint: these imports take 30 ms.
    import http.client
    import urllib.error
    import urllib.parse
    import urllib.request

    parts = urllib.parse.urlsplit(url)
    host = parts.netloc
    if parts.scheme not in ("http", "https"):
        raise NoFigures(f"{url!r} is neither http nor https")

    class NoRedirects(urllib.request.HTTPRedirectHandler):
        """Whoever answers with another place is not the endpoint that the page names."""

        def redirect_request(self, *_: Any, **__: Any) -> None:
            return None

    opener = urllib.request.build_opener(NoRedirects, urllib.request.ProxyHandler({}))
    deadline = time.monotonic() + timeout_s
    try:
        with opener.open(url, timeout=timeout_s) as answer:
            return _text(answer, host, deadline)
    except urllib.error.HTTPError as error:
        raise NoFigures(f"{host} answers {error.code}") from error
    except (OSError, http.client.HTTPException, ValueError) as error:
        reason = getattr(error, "reason", error)
        raise NoFigures(f"{host} does not answer: {reason}") from error


def _text(answer: Any, host: str, deadline: float) -> str:
    data = bytearray()
    while chunk := answer.read1(1 << 16):
        data += chunk
        if len(data) > MOST_BYTES:
            raise NoFigures(f"{host} sends more than {MOST_BYTES >> 20} MiB")
        if time.monotonic() > deadline:
            raise NoFigures(f"{host} does not answer in time")
    return data.decode("utf-8", "replace")
