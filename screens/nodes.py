"""The nodes: every one as a cell, those in trouble, and which of my pending jobs would fit now."""

import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from typing import Literal

from jobshape.app.board.fragments import Shape, fit_steps, names_that_fit, shape_of
from jobshape.app.board.node_groups import arrange
from jobshape.app.board.node_jobs import NodeJobs
from jobshape.app.board.node_words import PROBLEMS, Standing, standing_of
from jobshape.app.domain.job import Job
from jobshape.app.domain.site import Node
from jobshape.screens.commands.everywhere import EVERYWHERE
from jobshape.screens.commands.nodes import NODES
from jobshape.screens.node_detail import NodeDetail
from jobshape.screens.node_filtering import NodeFiltering
from jobshape.screens.node_rows import FIT_COLUMNS, PROBLEM_COLUMNS, fit_row, problem_rows
from jobshape.screens.ports import Context
from jobshape.screens.queue import Body, QueueScreen
from jobshape.screens.room import Room, bindings_of
from jobshape.widgets.filter_bar import FilterBar
from jobshape.widgets.key_line import KeyHint, KeyLine
from jobshape.widgets.node_cells import RESOURCES
from jobshape.widgets.node_grid import NodeGrid
from jobshape.widgets.node_lines import NodeLegend, NodeStatus, NodesTop
from jobshape.widgets.node_list import NodeList
from jobshape.widgets.rule import Rule
from textual import events, on
from textual.app import ComposeResult

View = Literal["grid", "problems", "fits"]
VIEWS: tuple[View, ...] = ("grid", "problems", "fits")

SLICE_S = 0.006
"""How long pending jobs are judged before keys get their turn."""

FEW_JOBS = 4_000
"""Jobs that are looked through at once when the screen is opened."""

_PANE_HINTS = (
    KeyHint("j k", "scroll", "down", 1), KeyHint("PgDn PgUp", "page", "page-down", 2),
    KeyHint("o", "its jobs", "its-jobs", 3), KeyHint("y", "copy name", "copy-name", 4),
    KeyHint("Esc", "back to the nodes", "back", 0),
)  # fmt: skip


class NodesScreen(Room):
    """Watch the nodes."""

    NAME = "nodes"
    AUTO_FOCUS = "#grid"
    CSS_PATH = "../styles/nodes.tcss"
    KEYMAP = (*NODES, *EVERYWHERE)
    BINDINGS = bindings_of(KEYMAP)

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.jobs = NodeJobs(self.board)
        self.detail = NodeDetail(self)
        self.filtering = NodeFiltering(self)
        self.view: View = "grid"
        self._shape: Shape | None = None  # the nodes that fit it stand out
        self._members: dict[str, tuple[str, ...]] = {}
        self._seen = (-1, -1)  # the board's revisions of site and jobs that are shown
        self._judging = self._indexing = False

    # ------------------------------------------------------------------ what stands where

    def compose(self) -> ComposeResult:
        """Top to bottom; the filter takes the place of the two last lines."""
        glyphs = self.glyphs
        yield NodesTop(self.board, glyphs, self._standings, id="top")
        with Body(id="body"):
            yield NodeGrid(self.board, glyphs, id="grid")
            yield NodeList(PROBLEM_COLUMNS, glyphs, self._no_problems, id="problems")
            yield NodeList(FIT_COLUMNS, glyphs, self._nothing_waits, id="fits")
            yield Rule(glyphs, id="rule")
        yield NodeLegend(glyphs, lambda: self.grid.measure, self._standings, id="legend")
        yield NodeStatus(self.board, self.clock, glyphs, id="status")
        yield KeyLine(self.hints, glyphs, id="keys")
        yield FilterBar(self.filtering.completions, glyphs, id="filter")

    def on_mount(self) -> None:
        """Show what the board has."""
        self.grid = self.query_one(NodeGrid)
        self.problems = self.query_one("#problems", NodeList)
        self.fits = self.query_one("#fits", NodeList)
        self.legend = self.query_one(NodeLegend)
        self.filter_bar = self.query_one(FilterBar)
        self.place_line = self.query_one(NodeStatus)
        self.grid.empty_text = self._no_nodes
        self.board_changed()

    def on_resize(self, event: events.Resize) -> None:
        """The detail stands where the new size has room for it."""
        self.detail.place()
        self.call_after_refresh(self.show_place)

    def _standings(self) -> Counter[Standing]:
        return self.grid.standings

    def _no_nodes(self) -> str:
        if self.filtering.matches is not None and self.board.nodes:
            total = len(self.board.nodes)
            hidden = "the only node" if total == 1 else f"all {total:,} nodes"
            return f"The filter hides {hidden}. Esc drops it."
        if self.board.link.last_answer_at is None:
            return f"No answer yet: waiting for {self.board.link.scheduler} to name its nodes."
        return "No nodes are known yet. They are read every minute or so; r asks now."

    def _no_problems(self) -> str:
        if not self.grid.count:
            return self._no_nodes()
        return "No node is drained, down or failing." + (
            " (The filter hides some nodes.)" if self.filtering.matches is not None else ""
        )

    def _nothing_waits(self) -> str:
        return "judging ..." if self._judging else "You have no pending jobs."

    # ------------------------------------------------------------------ following the board

    def board_changed(self) -> None:
        """Show what is newer of nodes and jobs."""
        if not hasattr(self, "grid"):
            return
        seen = (self.board.site_revision, self.board.jobs_revision)
        site_moved, jobs_moved = seen[0] != self._seen[0], seen[1] != self._seen[1]
        self._seen = seen
        if not self.jobs.is_built:
            self._index_jobs()
        elif self.jobs.refresh():
            jobs_moved = True
        if site_moved:
            self._take_nodes()
        if jobs_moved:
            mine = frozenset(self.jobs.my_nodes())
            self.grid.set_mine(mine)
            self.legend.has_mine = bool(mine)
        if site_moved or jobs_moved:
            self._fill_lists()
            self.detail.follow()
        self.top_line.redraw()
        self.show_place()

    def _index_jobs(self) -> None:
        """Find out who holds which node: few jobs at once, many in slices."""
        if len(self.board.jobs) <= FEW_JOBS:
            self.jobs.build()
        elif not self._indexing:
            self._indexing = True
            self.run_worker(self._index(), group="index", exclusive=True, exit_on_error=False)

    async def _index(self) -> None:
        for _ in self.jobs.build_steps():
            await asyncio.sleep(0)
        self._indexing = False
        self._seen = (self._seen[0], -1)
        self.board_changed()

    def on_screen_suspend(self) -> None:
        """Out of sight: what nobody looks at is not followed."""
        if not self.is_under_dialog and not self._indexing:
            self.jobs.forget()

    def _take_nodes(self) -> None:
        """The grid as the nodes now are; put in order only if that can have changed."""
        nodes = self.board.nodes
        same = len(nodes) == len(self._members) and all(
            self._members.get(name) == node.partitions for name, node in nodes.items()
        )
        if same and self.filtering.matches is None:
            self.grid.nodes_changed()
        else:
            self._members = {name: node.partitions for name, node in nodes.items()}
            self._arrange()
        self._highlight()

    def _arrange(self) -> None:
        nodes = self.board.nodes.values()
        self.grid.set_groups(arrange(nodes, self.board.partitions, self.filtering.matches))

    def nodes_wanted(self) -> None:
        """Another filter: other nodes are wanted."""
        self._arrange()
        self._fill_lists()
        self.detail.follow()
        self.top_line.redraw()
        self.show_place()

    def _highlight(self) -> None:
        names = None
        if self._shape is not None:
            names = names_that_fit(self._shape, self.board.nodes.values(), self.board.partitions)
        self.grid.set_highlight(names)

    def _fill_lists(self) -> None:
        """Bring the list that is seen up to date."""
        if self.view == "problems":
            matches = self.filtering.matches
            nodes = [node for node in self.board.nodes.values() if not matches or matches(node)]
            self.problems.show(problem_rows(nodes, self.jobs, self.clock()))
        elif self.view == "fits":
            self._judging = True
            self.run_worker(self._judge(), group="fits", exclusive=True, exit_on_error=False)

    async def _judge(self) -> None:
        """See where each pending job would fit, in slices that leave room for keys."""
        nodes, partitions = list(self.board.nodes.values()), self.board.partitions
        rows = []
        began = time.monotonic()
        waiting = self.jobs.waiting()
        fits = fit_steps((shape for shape, _ in waiting), nodes, partitions)
        for (shape, jobs), fit in zip(waiting, fits, strict=True):
            by_reason: dict[str, list[Job]] = {}
            for job in jobs:
                by_reason.setdefault(job.reason, []).append(job)
            rows += [(fit.verdict, fit_row(shape, same, fit)) for same in by_reason.values()]
            if time.monotonic() - began > SLICE_S:
                await asyncio.sleep(0)
                began = time.monotonic()
        rank = ("fits", "may fit", "no room")
        rows.sort(key=lambda row: rank.index(row[0]))
        self._judging = False
        self.fits.show([row for _, row in rows])
        self.show_place()

    @property
    def is_settled(self) -> bool:
        """Whether what is shown is what is wanted, and nothing is being asked."""
        return not (self._judging or self._indexing)

    def show_place(self) -> None:
        """Say where the cursor stands, and which keys can be used there."""
        line, grid = self.place_line, self.grid
        line.filter_text = self.filtering.text
        line.node, line.other = self.node, ""
        line.place = (grid.cursor + 1 if grid.count else 0, grid.count)
        if self.view == "problems":
            line.place = (self.problems.cursor + bool(self.problems.rows), len(self.problems.rows))
        elif self.view == "fits":
            line.place = (self.fits.cursor + bool(self.fits.rows), len(self.fits.rows))
            line.other = "by what is free alone; +1?: on one more node it may fit"
        self.legend.form = grid.form
        self._fit_legend()
        self.legend.redraw()
        line.redraw()
        self.keys.redraw()

    def _fit_legend(self) -> None:
        height = self.legend.wanted_height(self.size.width)
        if self.legend.styles.height is None or self.legend.styles.height.value != height:
            self.legend.styles.height = height

    def tick(self) -> None:
        """A second went by: durations in the pane."""
        self.detail.follow()

    # ------------------------------------------------------------------ the situation

    @property
    def node(self) -> Node | None:
        """The node that keys act on."""
        if self.view == "problems":
            return self.board.nodes.get(self.problems.key or "")
        return self.grid.node if self.view == "grid" else None

    @property
    def has_node(self) -> bool:
        """Whether there is a node, or a pending job, under the cursor."""
        return self.node is not None or (self.view == "fits" and bool(self.fits.rows))

    @property
    def has_gpus(self) -> bool:
        """Whether any node has GPUs."""
        return any(node.gpus for node in self.board.nodes.values())

    @property
    def measures_gpus(self) -> bool:
        """Whether the cells show GPUs."""
        return self.grid.measure.resource == "gpu"

    @property
    def _list(self) -> NodeList | None:
        return {"problems": self.problems, "fits": self.fits}.get(self.view)

    def focus_view(self) -> None:
        """Give the keys to what is seen."""
        (self._list or self.grid).focus()

    def hints(self) -> Sequence[KeyHint]:
        """The keys of the nodes, or of the detail while it has them."""
        if self.detail.has_keys:
            return _PANE_HINTS
        hints = super().hints()
        if self.view != "fits":
            return hints
        return [h._replace(title="show where") if h.command == "detail" else h for h in hints]

    # ------------------------------------------------------------------ moving

    def do_line(self, by: int) -> None:
        """The line below or above."""
        if self.detail.scroll(by):
            return
        if self._list is not None:
            self._list.move(by)
        else:
            self.grid.move_lines(by)

    def do_step(self, by: int) -> None:
        """The next node or the one before."""
        if self._list is None and not self.detail.has_keys:
            self.grid.move(by)

    def do_page(self, by: int) -> None:
        """One page."""
        if self.detail.scroll_page(by):
            return
        if self._list is not None:
            self._list.move(by * max(1, self._list.size.height - 1))
        else:
            self.grid.move_page(by)

    def do_edge(self, to: int) -> None:
        """First or last."""
        if self.detail.scroll(to * 100_000):
            return
        if self._list is not None:
            self._list.move_to(0 if to < 0 else len(self._list.rows) - 1)
        else:
            self.grid.move_to(0 if to < 0 else self.grid.count - 1)

    def do_trouble(self, by: int) -> None:
        """The next node in trouble."""
        self.show_view("grid")
        if not self.grid.next_where(lambda node: standing_of(node) in PROBLEMS, by):
            self.status.say("no node is drained, down or failing")

    @on(NodeGrid.CursorMoved)
    @on(NodeList.CursorMoved)
    def _cursor_moved(self) -> None:
        self.show_place()
        self.detail.follow()

    # ------------------------------------------------------------------ what is shown

    def show_view(self, view: View) -> None:
        """Show the grid or one of the lists."""
        if view == self.view:
            return
        if view == "fits" and self.detail.is_open:
            self.detail.close()  # it tells of a node, and the list of jobs
        self.view = view
        for name in VIEWS[1:]:
            self.set_class(name == view, f"-view-{name}")
        self._fill_lists()
        self.focus_view()
        self.show_place()
        self.detail.follow()

    def do_view(self) -> None:
        """The next view."""
        self.show_view(VIEWS[(VIEWS.index(self.view) + 1) % len(VIEWS)])

    def do_problems(self) -> None:
        """The nodes in trouble, or back."""
        self.show_view("grid" if self.view == "problems" else "problems")

    def do_fits(self) -> None:
        """What would fit, or back."""
        self.show_view("grid" if self.view == "fits" else "fits")

    def do_resource(self) -> None:
        """CPUs, memory, GPUs."""
        kinds = RESOURCES if self.has_gpus else RESOURCES[:2]
        measure = self.grid.measure
        at = kinds.index(measure.resource) if measure.resource in kinds else -1
        self.grid.set_measure(measure._replace(resource=kinds[(at + 1) % len(kinds)]))
        self._say_measure()

    def do_use(self) -> None:
        """What is in use, or allocated."""
        measure = self.grid.measure
        self.grid.set_measure(measure._replace(used=not measure.used))
        self._say_measure()

    def _say_measure(self) -> None:
        self.show_view("grid")
        with_cache = not self.board.link.is_local
        self.grid.measure = self.grid.measure._replace(with_cache=with_cache)
        self.status.say(self.grid.measure.title)
        self.show_place()

    def do_detail(self) -> None:
        """The node's detail; for a pending job the nodes where it would fit."""
        if self.view == "fits":
            self._show_fitting()
        else:
            self.detail.open()

    @on(NodeGrid.Opened)
    @on(NodeList.Opened)
    def _double_clicked(self) -> None:
        self.do_detail()

    def _show_fitting(self) -> None:
        job = self.board.jobs.get(int(self.fits.key or 0))
        if job is None:
            self.status.say("that job is not pending any more", problem=True)
            return
        self._shape = shape_of(job)
        self.legend.highlighted = f"where {job.label} fits; Esc: all"
        self._highlight()
        self.show_view("grid")
        names = self.grid.highlight or frozenset()
        if self.grid.cursor_name not in names:
            self.grid.next_where(lambda node: node.name in names)
        self.show_place()

    def do_back(self) -> None:
        """Close what is open; else back to the grid, then to all nodes, then to the queue."""
        if self.detail.back():
            return
        if self.view != "grid":
            self.show_view("grid")
        elif self._shape is not None:
            self._shape, self.legend.highlighted = None, ""
            self._highlight()
            self.show_place()
        elif self.filtering.text:
            self.filtering.apply("")
        else:
            self.context.go("queue")

    @on(events.DescendantFocus)
    def _keys_go_elsewhere(self) -> None:
        self.keys.redraw()

    # ------------------------------------------------------------------ the filter

    def do_filter(self) -> None:
        """Open the filter."""
        self.filtering.open()

    @on(FilterBar.Changed)
    def _filter_typed(self, message: FilterBar.Changed) -> None:
        self.filtering.apply(message.text)

    @on(FilterBar.Closed)
    def _filter_closed(self, message: FilterBar.Closed) -> None:
        self.filtering.close(kept=message.kept)

    async def on_key(self, event: events.Key) -> None:
        """A key that was typed ahead, before the bar had the focus."""
        if self.filter_bar.is_open and not self.filter_bar.has_focus:
            await self.filter_bar.on_key(event)

    # ------------------------------------------------------------------ going on

    def do_copy(self) -> None:
        """Copy the node's name."""
        if self.node is not None:
            self.app.copy_to_clipboard(self.node.name)
            self.status.say(f"copied {self.node.name}")

    def do_jobs(self) -> None:
        """The node's jobs in the queue."""
        node = self.node
        if node is None:
            self.status.say("there is no node under the cursor", problem=True)
            return
        self.context.go(QueueScreen.NAME)
        room = self.app.screen
        if isinstance(room, QueueScreen):
            room.filtering.apply(f"node={node.name}")
