"""Applies the rules to a submission, as the policy says; pure."""

from collections.abc import Iterable, Mapping
from difflib import get_close_matches

from jobshape.app.domain.check import CheckLine, Verdict
from jobshape.app.domain.errors import BadRequest, ConfigError
from jobshape.app.preflight.facts import Facts
from jobshape.app.preflight.registry import RULE_OF, RULES
from jobshape.app.preflight.rule import Rule, Seen
from jobshape.app.preflight.subject import Subject
from jobshape.app.settings.values import Policy

_HINT = "`jobshape check --rules` lists them"


def examine(subject: Subject, facts: Facts, policy: Policy) -> list[CheckLine]:
    """What every rule that is on says; at least a line each, but for what a missing script hides.

    Raises ConfigError for a policy that names a rule nobody knows.
    """
    check_policy(policy)
    lines: list[CheckLine] = []
    for rule in RULES:
        if verdict_of(rule, policy) is None:
            continue
        if subject.trouble and rule.name != "script":
            continue
        seen = rule.look(subject, facts, policy)
        lines += [_line(rule, one, policy) for one in seen]
    return lines


def check_policy(policy: Policy) -> None:
    """Raises ConfigError for a rule that nobody knows, and the setting that names it."""
    lift = () if policy.lift in ("all", "none") else _names(policy.lift)
    for setting, names in (("block", policy.block), ("warn", policy.warn), ("off", policy.off),
                           ("lift", lift)):  # fmt: skip
        for name in names:
            if name not in RULE_OF:
                close = get_close_matches(name, RULE_OF, 1)
                raise ConfigError(
                    f"no rule {name!r}", where=f"policy.{setting}",
                    hint=f"did you mean {close[0]}? {_HINT}" if close else _HINT,
                )  # fmt: skip


def verdict_of(rule: Rule, policy: Policy) -> Verdict | None:
    """What the rule does about what it finds bad; None: it is off."""
    if rule.name in policy.off or (rule.name == "smoke" and policy.smoke == "off"):
        return None
    if rule.name in policy.warn:
        return "warn"
    return "block" if rule.name in policy.block else rule.default


def lift(lines: Iterable[CheckLine], reasons: Mapping[str, str], policy: Policy) -> list[CheckLine]:
    """The lines, with blocks lifted for these reasons (rule -> reason).

    Raises BadRequest for a rule that nobody knows or that does not block, a reason that says
    nothing, and a block that the policy lets nobody lift.
    """
    lines = list(lines)
    for name, reason in reasons.items():
        if name not in RULE_OF:
            raise BadRequest(f"no rule {name!r}", hint=_HINT)
        if not reason.strip():
            raise BadRequest(f"to lift {name} takes a reason", hint="history keeps it")
        if why := why_not_liftable(name, policy):
            raise BadRequest(f"{name} cannot be lifted", hint=why)
        if not any(line.rule == name and line.verdict == "block" for line in lines):
            raise BadRequest(f"{name} does not block", hint="there is nothing to lift")
    return [
        line._replace(lifted=reasons[line.rule].strip())
        if line.verdict == "block" and line.rule in reasons else line
        for line in lines
    ]  # fmt: skip


def why_not_liftable(name: str, policy: Policy) -> str:
    """Why a block of this rule stays; "" if a reason lifts it."""
    if not RULE_OF[name].liftable:
        return "without a script there is nothing to submit"
    if policy.lift == "all" or (policy.lift != "none" and name in _names(policy.lift)):
        return ""
    return f'policy.lift = "{policy.lift}" does not allow it'


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


def _line(rule: Rule, seen: Seen, policy: Policy) -> CheckLine:
    bad: Verdict = verdict_of(rule, policy) or "warn"
    verdicts: dict[str, Verdict] = {
        "good": "pass", "bad": bad, "doubtful": "warn", "unknown": "skip",
    }  # fmt: skip
    return CheckLine(rule.name, verdicts[seen.state], seen.title, seen.why, seen.fix, seen.line)
