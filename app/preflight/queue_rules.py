"""Rules on what was sent before and on the queue: no job twice, not too many, smoke first."""

from collections.abc import Iterator
from datetime import datetime

from jobshape.app.domain.refusal import field_of_refusal
from jobshape.app.domain.request import EarliestStart
from jobshape.app.domain.shape import FIELD_OF
from jobshape.app.domain.site_facts import QUEUE, START, OwnJob
from jobshape.app.domain.states import is_finished
from jobshape.app.preflight.facts import Facts, Sent
from jobshape.app.preflight.place_rules import named
from jobshape.app.preflight.rule import Seen, bad, doubtful, good, unknown
from jobshape.app.preflight.subject import Subject
from jobshape.app.settings.values import Policy


def open_jobs(facts: Facts) -> dict[int, OwnJob] | None:
    """Jobs that wait or run, an array as one, without those that this one takes the place of.

    None where the queue is not known.
    """
    if facts.site is None or facts.site.queue is None:
        return None
    opened = (job for job in facts.site.queue if job.is_open)
    return {job.whole_id: job for job in opened if job.job_id not in facts.replaced}


def not_sent_twice(subject: Subject, facts: Facts, policy: Policy) -> Iterator[Seen]:
    """The same script with the same arguments neither waits nor runs."""
    opened = open_jobs(facts)
    if opened is None:
        yield unknown("not known whether the same job is queued", facts.why_no(QUEUE))
        return
    for sent in facts.past.sent:
        if sent.same and sent.job_id in opened and not _another(sent, subject, facts):
            yield bad(f"job {sent.job_id} is the same, and {opened[sent.job_id].state}",
                      "it has the same script and the same arguments",
                      f"wait for it, or cancel it first (jobshape wait {sent.job_id})")  # fmt: skip
            return
    ours = {sent.job_id for sent in facts.past.sent}
    alike = [job for job in opened.values()
             if job.whole_id not in ours and facts.site and job.label in facts.site.same_script
             ]  # fmt: skip
    if alike:
        yield doubtful(f"job {alike[0].label} has the same script, name and folder",
                       "its arguments are not known",
                       "make sure that it is not the same work")  # fmt: skip
    elif facts.past.trouble:
        yield good(f"no job with this script is queued ({facts.past.trouble})")
    else:
        yield good("no such job is queued or running")


def _another(sent: Sent, subject: Subject, facts: Facts) -> bool:
    """Whether it is other work with the same script: other tasks, or a trial of it."""
    smoke = set(facts.smoke_partitions)
    is_smoke = bool(smoke & set(named(subject.shape.partition)))
    return sent.array != (subject.shape.array or "") or (sent.partition in smoke) != is_smoke


def few_in_flight(subject: Subject, facts: Facts, policy: Policy) -> Iterator[Seen]:
    """One's own jobs in the queue stay under the cap, an array counting as one."""
    opened = open_jobs(facts)
    most, whose = policy.jobs_in_flight, "policy.jobs_in_flight"
    if facts.most_jobs and (not most or facts.most_jobs < most):
        most, whose = facts.most_jobs, "the site's page"
    if not most:
        yield good("no limit on jobs in the queue")
    elif opened is None:
        yield unknown("jobs in the queue not counted", facts.why_no(QUEUE))
    elif len(opened) + facts.ahead >= most:
        ahead = f" and {facts.ahead} sent with it" if facts.ahead else " already"
        yield bad(f"{len(opened)} jobs in the queue{ahead}, {most} are the limit",
                  f"{whose} sets it; an array counts as one",
                  "wait for one to end, or send one array in place of many jobs")  # fmt: skip
    else:
        yield good(f"{len(opened)} of {most} jobs in the queue")


def smoke_has_passed(subject: Subject, facts: Facts, policy: Policy) -> Iterator[Seen]:
    """The same configuration completed on a smoke partition."""
    smoke = facts.smoke_partitions
    if not smoke:
        yield good("the site's page names no partition for smoke tests")
        return
    asked = named(subject.shape.partition)
    if asked and set(asked) <= set(smoke):
        yield good("this is the smoke test")
        return
    tried = [one for one in facts.past.sent if one.partition in smoke]
    passed = [one for one in tried if one.state == "COMPLETED"]
    if passed:
        yield good(f"smoke passed: job {passed[0].job_id}")
        return
    if facts.past.trouble and not tried:
        yield unknown("smoke tests not looked up", facts.past.trouble)
        return
    tell = bad if policy.smoke == "required" else doubtful
    if tried:
        last = tried[0]
        over = is_finished(last.state)
        why = (
            f"job {last.job_id} on {last.partition} is {last.state or 'not known to have ended'}"
            if not over
            else f"job {last.job_id} on {last.partition} ended as {last.state}"
        )
    else:
        why = "this configuration never ran on a smoke partition"
    yield tell("no smoke test of this configuration has passed", why,
               f"send it to {smoke[0]} first: --partition={smoke[0]}",
               subject.line_of_field("partition"))  # fmt: skip


def site_would_take_it(subject: Subject, facts: Facts, policy: Policy) -> Iterator[Seen]:
    """``sbatch --test-only``, or what the site has for it, says yes."""
    site = facts.site
    if site is None or (site.start is None and not site.refusal):
        yield unknown("the site was not asked whether it takes the job", facts.why_no(START))
    elif site.refusal:
        field = field_of_refusal(f"{site.refusal} {site.refusal_hint}")
        line = subject.line_of_field(field) if field in FIELD_OF else None
        yield bad("the site refuses the job", site.refusal,
                  site.refusal_hint or "correct what the site's words name", line)  # fmt: skip
    else:
        yield Seen("good", "the site takes it", _when(site.start))


def _when(start: EarliestStart | None) -> str:
    if start is None:
        return ""
    if start.start_time is None:
        return start.message or "it does not say when it would start"
    at = datetime.fromtimestamp(start.start_time).strftime("%Y-%m-%d %H:%M")
    return f"it would start {at}{f' on {start.nodes}' if start.nodes else ''}"
