"""Why the job list is empty, in plain words."""

from collections.abc import Sequence

from jobshape.app.board.link import Link
from jobshape.app.board.sieve import Hidden, Wish

_FOUND = {
    "mine": "You have no jobs in the queue.",
    "accounts": "No jobs in the queue of your accounts.",
    "all": "No jobs in the queue.",
}


def why_empty(link: Link, hidden: Sequence[int], wish: Wish) -> str:
    """The reason and what to do, in one to three sentences.

    hidden: how many records are hidden for each reason of Hidden.
    """
    filtered, finished, foreign = (
        hidden[Hidden.QUERY],
        hidden[Hidden.FINISHED],
        hidden[Hidden.SCOPE],
    )
    if filtered:
        words = [f"The filter hides {_all(filtered, 'job')}."]
        if finished:
            words.append(f"Besides, {_jobs(finished, 'finished job')} {_are(finished)} hidden.")
        return " ".join(words)
    if finished:
        return f"{_all(finished, 'job').capitalize()} {_are(finished)} finished, and hidden."
    if foreign:
        whose = "yours" if wish.scope == "mine" else "of your accounts"
        return f"None of the {_jobs(foreign, 'job')} is {whose}. Widen the scope to see them."
    if link.jobs is None:
        return _no_answer(link)
    words = [_FOUND.get(link.scope, _FOUND["all"])]
    if link.jobs:
        words = ["The jobs are on their way."]
    elif link.scope == "accounts" and link.accounts:
        words = [f"No jobs in the queue of your accounts ({', '.join(link.accounts)})."]
    if link.scope != wish.scope and link.scope != "all" and wish.scope != "mine":
        words.append("Others' jobs were not asked for yet.")
    others = link.feature("private_data")  # available: others' jobs can be seen
    if link.scope != "mine" and others is not None and not others.available:
        words.append(f"This site shows you only your own jobs ({others.detail or 'PrivateData'}).")
    if link.phase in ("failing", "dead"):
        words.append(f"That is what was last heard; now: {link.message}.")
    return " ".join(words)


def _no_answer(link: Link) -> str:
    if link.phase == "starting":
        return "No answer yet: waiting for the first one."
    words = link.message.rstrip(".") or "the site has not answered"
    return f"No answer yet: {words}." + (f" {link.hint}" if link.hint else "")


def _jobs(count: int, word: str) -> str:
    return f"{count:,} {word}{'' if count == 1 else 's'}"


def _all(count: int, word: str) -> str:
    return f"the only {word}" if count == 1 else f"all {_jobs(count, word)}"


def _are(count: int) -> str:
    return "is" if count == 1 else "are"
