"""How the link stands, worked out from what the collector says and from what it fails to say."""

import time
from collections.abc import Mapping, Sequence
from typing import Any

from jobshape.app.board.link import STARTING, Feature, Link, LinkPhase

LATE_S = 3.0
"""A reading of the queue that takes longer than this is worth a word."""

_REPORTED = (
    "scope", "cadence_s", "next_at", "jobs", "finished", "unread", "unread_sample", "source",
    "calls_per_minute", "controller_ms_per_minute",
)  # fmt: skip


class LinkState:
    """Keeps the link. Times are seconds since the epoch; every method is given the present."""

    def __init__(self, scope: str, *, local: Mapping[str, Any] | None = None) -> None:
        self.link = STARTING._replace(scope=scope)
        if local is not None:  # known before anybody has answered
            self.link = self.link._replace(backend="local", cluster=local["name"])
        self._silent_since: float | None = None
        self._error: Sequence[str] | None = None  # class, what, where, hint of the last failure
        self._usual_s = 0.0

    def polling(self, asked_at: float, now: float) -> None:
        """A reading of the queue began."""
        self.link = self.link._replace(asked_at=asked_at)
        if self._silent_since is None:
            self._silent_since = asked_at
        self.tick(now)

    def reported(self, head: Mapping[str, Any], now: float) -> None:
        """A status frame came."""
        known = {name: head[name] for name in _REPORTED}
        self.link = self.link._replace(
            **known, collector_cpu=head["cpu"], notes=tuple(head["notes"])
        )
        if self.link.last_answer_at is not None:  # as good as new, if nothing has moved since
            newest = max(self.link.last_answer_at, head["unmoved_at"])
            self.link = self.link._replace(last_answer_at=newest)
        answer = head.get("answer")
        if answer:
            self._error = answer["error"]
            self.link = self.link._replace(asked_at=None)
            if self._error is None:
                self._silent_since = None
                self._usual_s = answer["took_s"]
                self.link = self.link._replace(last_answer_at=answer["at"])
        self.tick(now)

    def capable(self, head: Mapping[str, Any]) -> None:
        """The collector found out what works here."""
        features = (Feature(name, **known) for name, known in head["features"].items())
        self.link = self.link._replace(
            backend=head["backend"],
            source=self.link.source or head["source"],
            cluster=head["cluster"],
            scheduler_version=head["scheduler_version"],
            user=head["user"],
            accounts=tuple(head["accounts"]),
            features=tuple(features),
        )

    def died(self, how: str, last_words: str, again_in_s: float, now: float) -> None:
        """The collector ended by itself; it is started again after this time."""
        message = f"the collector ended ({how}){self._last_data()}, starting it again"
        if again_in_s >= 2:
            message += f" in {again_in_s:.0f} s"
        self.link = self.link._replace(
            phase="dead", message=message, hint=last_words, asked_at=None, next_at=now + again_in_s
        )

    def restarted(self, now: float) -> None:
        """A new collector runs; until it answers, the data is old."""
        phase: LinkPhase = "starting" if self.link.last_answer_at is None else "late"
        self._error = None
        self._silent_since = now
        self.link = self.link._replace(
            phase=phase,
            message=f"the collector was started again{self._last_data()}",
            asked_at=now,
            next_at=None,
        )

    def rescoped(self, scope: str) -> None:
        """Other jobs were asked for; no answer for those yet."""
        self.link = STARTING._replace(
            **{
                name: getattr(self.link, name)
                for name in ("backend", "cluster", "scheduler_version", "user", "accounts",
                             "features")
            },
            scope=scope,
        )  # fmt: skip

    def tick(self, now: float) -> Link:
        """The link at this time."""
        link = self.link
        if link.phase == "dead" and link.asked_at is None:
            return link
        waited_s = now - link.asked_at if link.asked_at is not None else 0.0
        if self._error is not None:
            self.link = link._replace(
                phase="failing", message=self._failure(now), hint=self._hint()
            )
        elif waited_s > max(LATE_S, 3 * self._usual_s):
            phase: LinkPhase = "late" if link.last_answer_at is not None else "starting"
            self.link = link._replace(phase=phase, message=self._silence(now), hint="")
        elif link.last_answer_at is not None and self._silent_since is None:
            self.link = link._replace(phase="live", message="", hint="")
        return self.link

    def _silence(self, now: float) -> str:
        since = self._silent_since if self._silent_since is not None else self.link.asked_at
        return f"no answer from {self._who()} for {now - (since or now):.0f} s{self._last_data()}"

    def _failure(self, now: float) -> str:
        kind, what, where, _ = self._error or ("", "", "", "")
        if kind == "Unreachable":
            return f"{self._silence(now)}, trying again"
        return f"{where}: {what}{self._last_data()}" if where else f"{what}{self._last_data()}"

    def _hint(self) -> str:
        kind, what, where, hint = self._error or ("", "", "", "")
        if kind == "Unreachable":
            return "; ".join(part for part in (f"{where}: {what}" if where else what, hint) if part)
        return hint

    def _who(self) -> str:
        return "the site" if self.link.is_local else "slurmctld"

    def _last_data(self) -> str:
        if self.link.last_answer_at is None:
            return ""
        return time.strftime(", last data %H:%M:%S", time.localtime(self.link.last_answer_at))
