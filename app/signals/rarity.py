"""The most telling lines of a log nobody can explain, and a rule proposed for one of them."""

import math
import re
from collections import Counter
from collections.abc import Iterable

from jobshape.app.signals.lines import Line, clean_lines

_MASKS = (
    (re.compile(r"0x[0-9a-fA-F]+"), "<hex>"),
    (re.compile(r"\b[0-9a-fA-F]{8}-[0-9a-fA-F-]{27}\b"), "<id>"),
    (re.compile(r"(?<![\w.])/[\w.+@%~-]+(?:/[\w.+@%~-]*)*"), "<path>"),
    (re.compile(r"\d+(?:[.,:]\d+)*(?:e[+-]?\d+)?"), "<n>"),
)
_LOUD = (
    (3.0, re.compile(r"(?i)\b(?:fatal|panic|abort(?:ed|ing)?|core dumped|traceback|severe)\b")),
    (2.5, re.compile(r"(?i)\b(?:error|exception|fail(?:ed|ure)?|cannot|could not|unable)\b")),
    (2.5, re.compile(r"[a-z]Error\b")),
    (1.5, re.compile(r"(?i)\b(?:killed|terminated|refused|denied|exit(?:ed)?)\b")),
    (1.5, re.compile(r"(?i)\b(?:invalid|missing|not found|no such)\b")),
    (-2.0, re.compile(r"(?i)\b(?:warn(?:ing)?|deprecat\w+|info|debug|0 errors|no errors?)\b")),
)  # fmt: skip
_EMPTY = re.compile(r"^[\W_]*$")
_BAR = re.compile(r"\d+%\|")


def template(text: str) -> str:
    """A line with its numbers, ids and paths masked: what is the same from run to run."""
    for pattern, mask in _MASKS:
        text = pattern.sub(mask, text)
    return text.strip()


class Rarity:
    """How rare a line is against a family's healthy logs."""

    def __init__(self, healthy: Iterable[str] = ()) -> None:
        self._logs = 0
        self._seen: Counter[str] = Counter()
        for text in healthy:
            self.learn(text)

    def learn(self, text: str) -> None:
        """Take in one healthy log; a line counts once a log."""
        self._logs += 1
        self._seen.update({template(line.text) for line in clean_lines(text)})

    def of(self, text: str) -> float:
        """0 for a line of every healthy log, more the rarer it is; 1 where none was learnt."""
        if not self._logs:
            return 1.0
        return math.log((self._logs + 1) / (self._seen[template(text)] + 0.5)) + 0.5

    def _share(self, key: str) -> float:
        """The share of the healthy logs that have such a line."""
        return self._seen[key] / self._logs if self._logs else 0.0

    def telling(
        self, lines: list[Line], most: int = 5, quiet: frozenset[int] = frozenset()
    ) -> list[int]:
        """Indices of the lines that say most about what is wrong, in the log's order."""
        here = Counter(template(line.text) for line in lines)
        total = max(1, len(lines))
        scores: dict[str, tuple[float, int]] = {}
        for at, line in enumerate(lines):
            if _EMPTY.match(line.text) or _BAR.search(line.text):
                continue
            key = template(line.text)
            # What every healthy log shouts, too, says nothing however loud it is.
            loud = sum(w for w, words in _LOUD if words.search(line.text))
            score = self.of(line.text) + loud * (1 - self._share(key))
            score += 0.5 * math.log(total / here[key] + 1) / math.log(total + 1)
            score += at / total  # what ended it stands late
            score -= 3.0 if at in quiet else 0.0
            if score > scores.get(key, (-99.0, 0))[0]:
                scores[key] = (score, at)
        best = sorted(scores.values(), reverse=True)[:most]
        return sorted(at for _, at in best)


_WORDS = re.compile(r"<(?:hex|id|path|n)>")
_REGEX_OF = {"<hex>": r"0x[0-9a-fA-F]+", "<id>": r"[0-9a-fA-F-]+", "<path>": r"\S+",
             "<n>": r"\d[\d.,:e+-]*"}  # fmt: skip
_NAME = re.compile(r"[a-z]{3,}")
_LONGEST_LINE = 300


def rule_for(line: str, label: str = "app_error") -> str:
    """A rule, as TOML, that fits lines like this one; for a person to read and to change."""
    (clean, *_) = clean_lines(line.strip().partition("\n")[0] or "-")
    known = template(clean.text[:_LONGEST_LINE])
    out, at = [], 0
    for found in _WORDS.finditer(known):
        out += [_escaped(known[at : found.start()]), _REGEX_OF[found[0]]]
        at = found.end()
    pattern = "".join([*out, _escaped(known[at:])])
    name = "-".join(_NAME.findall(known.lower())[:4]) or "own-rule"
    head = f'[[rule]]\nname = "{name}"\nclass = "{label}"\nrole = "root"\n'
    return f"{head}patterns = [{_toml(pattern)}]\n"


def _escaped(text: str) -> str:
    """The text as a pattern; spaces stay plain, since they fit any gap."""
    return re.escape(re.sub(r"\s+", " ", text)).replace(r"\ ", " ")


def _toml(text: str) -> str:
    if "'" not in text and text.isprintable():
        return f"'{text}'"
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in escaped) + '"'
