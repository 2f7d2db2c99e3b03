"""The rows of the lists on the nodes screen: nodes in trouble, and pending jobs that may fit."""

from collections.abc import Iterable, Sequence

from jobshape.app.board.fragments import JobFit, Shape
from jobshape.app.board.node_groups import name_key
from jobshape.app.board.node_jobs import NodeJobs
from jobshape.app.board.node_words import PROBLEMS, Standing, standing_of
from jobshape.app.board.stuck import is_stuck
from jobshape.app.board.words import reason_words
from jobshape.app.domain.job import Job
from jobshape.app.domain.site import Node
from jobshape.app.domain.units import format_short_duration
from jobshape.widgets.node_heading import ROLES
from jobshape.widgets.node_list import ListColumn, ListRow
from jobshape.widgets.node_pane import shape_words

PROBLEM_COLUMNS = (
    ListColumn("Node", 6, 24), ListColumn("State", 8, 16), ListColumn("Since", 5, 6, "right"),
    ListColumn("My jobs", 7, 20), ListColumn("Slurm's reason", 16, 0),
    ListColumn("Slurm's state", 10, 28, from_width=110),
    ListColumn("Partitions", 8, 30, from_width=96),
)  # fmt: skip

FIT_COLUMNS = (
    ListColumn("Job", 5, 18), ListColumn("Name", 6, 28, from_width=100), ListColumn("Now", 7, 7),
    ListColumn("Room on", 7, 9, "right", from_width=90), ListColumn("Asks for", 10, 27),
    ListColumn("Why it waits, and where it fits", 12, 0),
)  # fmt: skip

_FIRST = (Standing.DOWN, Standing.SILENT, Standing.FAILING)
_ROLE_OF_VERDICT = {"fits": "running", "may fit": "waiting", "no room": "muted", "stuck": "failed"}


def problem_rows(nodes: Iterable[Node], jobs: NodeJobs, now: float) -> list[ListRow]:
    """The nodes that take no jobs, those that are down first, then by name."""
    found = [(node, standing_of(node)) for node in nodes]
    found = [(node, standing) for node, standing in found if standing in PROBLEMS]
    found.sort(key=lambda one: (one[1] not in _FIRST, one[1].value, name_key(one[0].name)))
    mine, asked = jobs.my_nodes(), jobs.asked_nodes()
    return [
        _problem(node, standing, mine[node.name], asked[node.name], now) for node, standing in found
    ]


def _problem(node: Node, standing: Standing, running: int, waiting: int, now: float) -> ListRow:
    since = None if node.reason_since is None else max(0, int(now) - node.reason_since)
    mine = ", ".join(
        words for words in (f"{running} running" if running else "",
                            f"{waiting} waiting" if waiting else "") if words
    )  # fmt: skip
    return ListRow(node.name, (
        (node.name, "strong"), (standing.value, ROLES.get(standing, "muted")),
        (format_short_duration(since), "muted"), (mine or "none", "accent" if mine else "muted"),
        (node.reason or "-", "text"), (node.state, "muted"), (", ".join(node.partitions), "muted"),
    ))  # fmt: skip


def fit_row(shape: Shape, jobs: Sequence[Job], fit: JobFit) -> ListRow:
    """Pending jobs of one shape that wait for one reason, and how they would fit."""
    first = jobs[0]
    label = first.label + (f" +{len(jobs) - 1}" if len(jobs) > 1 else "")
    room = f"{fit.surely:,}" + (f"+{fit.maybe:,}?" if fit.maybe else "")
    asks = shape_words(shape._replace(nodes=1))
    asks = f"{shape.nodes}x {asks}" if shape.nodes > 1 else asks
    says = fit.nearest
    if fit.verdict != "no room":
        says = f"{reason_words(first.reason).short}; " if first.reason else ""
        says += f"on {fit.nearest}" + (" and others" if fit.surely + fit.maybe > 1 else "")
        if is_stuck(first):
            fit = fit._replace(verdict="stuck")
        if fit.verdict == "may fit" and fit.doubts:
            says += f" ({'; '.join(fit.doubts)})"
    verdict = _ROLE_OF_VERDICT[fit.verdict]
    return ListRow(str(first.job_id), (
        (label, "waiting"), (first.name, "text"), (fit.verdict, verdict), (room, "text"),
        (asks, "text"), (says, "text" if fit.verdict != "no room" else "muted"),
    ))  # fmt: skip
