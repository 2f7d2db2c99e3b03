"""The Textual app: wires collector, board and screens together; the only door to the screens."""

import asyncio
import gc
import locale
import os
import signal
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

gc.disable()  # until the first rows are drawn: nothing made while starting is garbage
os.environ.setdefault("TEXTUAL_FPS", "120")  # a key after another waits 8 ms for its frame, not 16

from jobshape.app.board.board import Board  # noqa: E402
from jobshape.app.collector.client import CollectorClient  # noqa: E402
from jobshape.app.collector.spawn import CollectorProcess  # noqa: E402
from jobshape.app.domain.cost import Prices  # noqa: E402
from jobshape.app.domain.errors import JobshapeError  # noqa: E402
from jobshape.app.domain.job import Job  # noqa: E402
from jobshape.app.domain.text import sanitize  # noqa: E402
from jobshape.app.late import late  # noqa: E402
from jobshape.app.own_rules import OwnRules  # noqa: E402
from jobshape.app.past import HistoryPast  # noqa: E402
from jobshape.app.preflight.place import Place  # noqa: E402
from jobshape.app.settings.folders import (  # noqa: E402
    rule_paths,
    state_folder,
    template_folders,
    unsent_folder,
)
from jobshape.app.settings.values import Settings  # noqa: E402
from jobshape.screens.keys_in_turn import KeysInTurn  # noqa: E402
from jobshape.screens.memory import load_kept, save_kept  # noqa: E402
from jobshape.screens.ports import (  # noqa: E402
    ActionLog,
    Actions,
    Campaigns,
    Clock,
    Context,
    FailureRules,
    Files,
    Kept,
    NoActionLog,
    NoPast,
    Past,
    Preflight,
)
from jobshape.screens.queue import QueueScreen  # noqa: E402
from jobshape.screens.room import BoardChanged, Room  # noqa: E402
from jobshape.screens.site_limits import KnownLimits  # noqa: E402
from jobshape.widgets.glyphs import ASCII, UNICODE, Glyphs  # noqa: E402
from jobshape.widgets.terminal_shadow import Ready, TerminalShadow  # noqa: E402
from textual import events  # noqa: E402
from textual._compositor import ChopsUpdate, LayoutUpdate  # noqa: E402
from textual.app import App  # noqa: E402
from textual.binding import Binding  # noqa: E402
from textual.screen import Screen  # noqa: E402

if TYPE_CHECKING:
    from jobshape.app.acting.files import ScriptFiles
    from jobshape.app.acting.log import HistoryActionLog
    from jobshape.app.alerts.campaigns import CampaignWatch
    from jobshape.app.alerts.keeper import AlertKeeper
    from jobshape.app.alerts.watch import AlertWatch
    from jobshape.app.domain.alert import Alert
    from jobshape.app.preflight.live import LivePreflight
    from jobshape.app.resubmit.watch import RetryWatch
    from jobshape.app.scripts.draft import Draft

GC_AFTER_S = 3.0
"""When the collector of garbage may run again: the start is over by then."""

ALERTS_AFTER_S = 2.0
"""When alerts are first looked for: the first rows come before."""

END_WITHIN_S = 3.0
"""After a signal to end, how long a clean end may take before the process just goes."""


class JobshapeApp(KeysInTurn, App[None], inherit_bindings=False):
    """Shows one screen on one board. Who feeds the board calls :meth:`board_changed`."""

    ENABLE_COMMAND_PALETTE = False  # ours lists the keys and why one is blocked
    TITLE = "jobshape"
    # The default screen's own would not be read; a relative path fails in a subclass elsewhere.
    CSS_PATH = Path(__file__).parent.parent / "styles" / "queue.tcss"
    BINDINGS = [Binding("ctrl+c", "quit", "Quit", show=False, priority=True)]

    def __init__(
        self,
        settings: Settings,
        board: Board,
        actions: Actions,
        *,
        clock: Clock = time.time,
        kept: Kept | None = None,
        state_dir: Path | None = None,
        filter_text: str = "",
        past: Past | None = None,
        action_log: ActionLog | None = None,
        rules: FailureRules | None = None,
        prices: Prices = Prices(),  # noqa: B008 - frozen
        files: Files | None = None,
        preflight: Preflight | None = None,
        campaigns: Campaigns | None = None,
    ) -> None:
        super().__init__()
        self.campaigns = campaigns
        self.files = files
        self.preflight = preflight
        self.prices = prices
        self.settings = settings
        self.past = past or NoPast()
        self.action_log = action_log or NoActionLog()
        self.rules = rules
        self.board = board
        self.actions = actions
        self.clock = clock
        self.kept = kept or Kept()
        self._state_dir = state_dir
        self._filter_text = filter_text
        self._queue: QueueScreen | None = None
        self._shadow = TerminalShadow()
        self.animation_level = "none"
        self.theme = self._choose_theme()

    def get_default_screen(self) -> Screen[Any]:
        """The queue."""
        settings = self.settings
        self._shared = Context(
            self.board, self.actions, self.clock, choose_glyphs(settings),
            kept=self.kept, keep=self._keep, redraw=self.redraw, go=self.go,
            show_job=self.show_job, find_job=self.find_job, show_jobs=self.show_jobs,
            look_into=self.look_into, acknowledge=self.acknowledge,
            past=self.past, action_log=self.action_log, rules=self.rules,
            through_site=bool(settings.site.ssh),
            read_only=settings.read_only, confirm=settings.ui.confirm, stages=settings.stages,
            limits=KnownLimits(self.actions, self.clock), prices=self.prices,
            files=self.files, preflight=self.preflight, campaigns=self.campaigns,
            submit_command=settings.policy.submit_command, terms=settings.policy.terms,
        )  # fmt: skip
        self._queue = QueueScreen(
            self._shared, scope=settings.site.scope, filter_text=self._filter_text
        )
        return self._queue

    def go(self, name: str) -> None:
        """Show a main screen: the queue lies below all others, of which one stands on it."""
        room = self.room
        if room is not None and name == room.NAME:
            return
        while len(self.screen_stack) > 1:
            self.pop_screen()
        if name != QueueScreen.NAME:
            if not self.is_screen_installed(name):
                self.install_screen(make_room(name, self._shared), name)
            self.push_screen(name)

    def find_job(self, job_id: int) -> bool:
        """Put the queue's cursor on a job; False where it is not in the list."""
        if self._queue is None or not self._queue.show_job(job_id):
            return False
        self.go(QueueScreen.NAME)
        return True

    def look_into(self, job: Job) -> None:
        """Have the cause of an ended job found."""

    def acknowledge(self, keys: Sequence[str]) -> None:
        """These alerts are seen."""
        gone = set(keys)
        self.board.set_alerts([alert for alert in self.board.alerts if alert.key not in gone])

    def show_jobs(self, filter_text: str) -> None:
        """Show the queue, filtered."""
        self.go(QueueScreen.NAME)
        if self._queue is not None:
            self._queue.filtering.apply(filter_text)

    def show_job(self, job_id: int) -> None:
        """Show the screen of one job; Esc leads back to the screen it was opened from."""
        from jobshape.screens.job import JobScreen

        before = self.room
        if not self.is_screen_installed(JobScreen.NAME):
            self.install_screen(JobScreen(self._shared), JobScreen.NAME)
        screen = self.get_screen(JobScreen.NAME)
        assert isinstance(screen, JobScreen)
        screen.show(job_id, came_from=before.NAME if before else QueueScreen.NAME)
        self.go(JobScreen.NAME)

    @property
    def room(self) -> Room | None:
        """The main screen that is seen, maybe under a dialog."""
        rooms = (screen for screen in reversed(self.screen_stack) if isinstance(screen, Room))
        return next(rooms, None)

    def on_mount(self) -> None:
        """Once the first rows are there, garbage is collected again, but not what stays."""
        self.set_timer(GC_AFTER_S, _collect_garbage_again)
        self.app_resume_signal.subscribe(self, lambda _: self.redraw())

    def board_changed(self) -> None:
        """Tell the screen that is seen that there is something newer on the board."""
        room = self.room if self._running else None
        if room is not None and room.is_running:
            room.post_message(BoardChanged(self.board.revision))

    async def on_key(self, event: events.Key) -> None:
        """A key nobody took yet, before it is looked up as a command."""
        room = self.room
        if room is not None and room.is_mounted:
            await room.take_key(event)

    def on_app_focus(self) -> None:
        """Someone looks again."""
        self._attend()

    def on_app_blur(self) -> None:
        """Nobody looks."""
        self._attend()

    def _attend(self) -> None:
        room = self.room
        if room is not None and room.is_mounted:
            room.attend()

    def _choose_theme(self) -> str:
        """The one set up; else by what the terminal can show."""
        wanted = self.kept.theme
        if self.no_color:
            return "ansi-dark"
        if wanted in self.available_themes:
            return wanted
        few_colours = self.console.color_system in (None, "standard")
        return "ansi-dark" if few_colours else "textual-dark"

    def _keep(self, kept: Kept) -> None:
        """Write what was set up, beside the loop: a home folder can be slow."""
        if self._state_dir is None:
            return
        folder, ui = self._state_dir, self.settings.ui
        task = asyncio.create_task(asyncio.to_thread(save_kept, folder, kept, ui))
        task.add_done_callback(self._kept_or_said)

    def _kept_or_said(self, task: "asyncio.Task[None]") -> None:
        error = None if task.cancelled() else task.exception()
        room = self.room
        if error is not None and room is not None:
            room.status.say(f"cannot keep this for next time: {error}", problem=True)

    def on_resize(self) -> None:
        """Terminals do as they like with what they show when they change size."""
        self._shadow.forget()

    def redraw(self) -> None:
        """Write everything again: something else wrote to the terminal."""
        self._shadow.forget()
        self.refresh(layout=True)
        self.screen.refresh()

    def _display(self, screen: Screen[Any], renderable: Any) -> None:
        shown = self._running and not (self._closed or self.is_headless or self._batch_count)
        if shown and isinstance(renderable, ChopsUpdate | LayoutUpdate):
            text = self._shadow.changes(renderable, self.console)
            if not text:
                return
            renderable = Ready(text)
        super()._display(screen, renderable)


def make_room(name: str, context: Context) -> Room:
    """A main screen by its name, loaded only now."""
    if name == "alerts":
        from jobshape.screens.alerts import AlertScreen

        return AlertScreen(context)
    if name == "actions":
        from jobshape.screens.actions import ActionsScreen

        return ActionsScreen(context)
    if name == "rounds":
        from jobshape.screens.rounds import RoundsScreen

        return RoundsScreen(context)
    if name == "stages":
        from jobshape.app.stages.rule_file import RuleFile
        from jobshape.screens.stages import StagesScreen

        return StagesScreen(context, RuleFile())
    if name == "nodes":
        from jobshape.screens.nodes import NodesScreen

        return NodesScreen(context)
    raise LookupError(name)


def choose_glyphs(settings: Settings) -> Glyphs:
    """ASCII where it is asked for or where the locale knows no Unicode."""
    if settings.ui.ascii or "utf" not in locale.getencoding().lower():
        return ASCII
    return UNICODE


def _action_log(board: Board, settings: Settings) -> "HistoryActionLog":
    from jobshape.app.acting.log import HistoryActionLog

    return HistoryActionLog(board, is_on=settings.history.enabled)


def _files(settings: Settings, place: Place | None) -> "ScriptFiles":
    from jobshape.app.acting.files import ScriptFiles

    policy = settings.policy
    ssh = place.ssh if place else ""
    unsent = unsent_folder(policy.hand_over)
    return ScriptFiles(unsent, template_folders(), policy.submit_command, ssh)


def _preflight(
    settings: Settings, place: Place | None, board: Board, client: CollectorClient
) -> "LivePreflight":
    from jobshape.app.preflight.live import LivePreflight

    return LivePreflight(settings, place or Place(""), board, client.call)


def _collect_garbage_again() -> None:
    gc.freeze()  # a collection before it would hold a large queue's keys for 50 ms
    gc.enable()


class LiveApp(JobshapeApp):
    """The app with a collector behind it."""

    def __init__(
        self, settings: Settings, process: CollectorProcess, *, filter_text: str = "",
        prices: Prices = Prices(),  # noqa: B008 - frozen
        place: Place | None = None,
        campaigns: Campaigns | None = None,
    ) -> None:  # fmt: skip
        board = Board()
        client = CollectorClient(process, board, self.board_changed)
        folder: Path | None = None
        kept = Kept()
        with suppress(JobshapeError):
            folder = state_folder()
            kept = load_kept(folder, settings.ui)
        self._client = client
        self._past = HistoryPast(board)
        self._keeper: AlertKeeper | None = None
        self._alert_watch: AlertWatch | None = None
        self._retry_watch: RetryWatch | None = None
        self._campaign_watch: CampaignWatch | None = None
        super().__init__(
            settings,
            board,
            client,
            kept=kept,
            state_dir=folder,
            filter_text=filter_text,
            past=self._past,
            action_log=late(lambda: _action_log(board, settings)),
            rules=OwnRules(),
            prices=prices,
            files=late(lambda: _files(settings, place)),
            preflight=late(lambda: _preflight(settings, place, board, client)),
            campaigns=campaigns,
        )

    def on_mount(self) -> None:
        """Begin to listen; end cleanly when told to."""
        self._client.start()
        self.set_timer(ALERTS_AFTER_S, self._watch_for_alerts)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGHUP, signal.SIGTERM):
            loop.add_signal_handler(number, self._end)

    def _watch_for_alerts(self) -> None:
        """Once the first rows stand; nothing of it is loaded before."""
        from jobshape.app.alerts.facts import Lines
        from jobshape.app.alerts.keeper import AlertKeeper
        from jobshape.app.alerts.watch import AlertWatch

        own = self.settings.alerts
        lines = Lines(own.memory_share, own.minutes_left, own.silent_minutes,
                      own.gpu_idle_percent, own.gpu_idle_minutes)  # fmt: skip
        self._keeper = AlertKeeper(
            self.board, self.clock, lines,
            offer_resubmit=self.settings.policy.retry == "ask" and not self.settings.read_only,
        )  # fmt: skip
        self._alert_watch = AlertWatch(
            self.board, self._keeper, self._client.call, self.clock, self._tell_alerts,
            self.board_changed, self._past, self._client.set_guarded,
            lambda: [str(path) for path in rule_paths()],
        )  # fmt: skip
        self._alert_watch.start()
        if self.campaigns is not None:
            from jobshape.app.alerts.campaigns import CampaignWatch

            self._campaign_watch = CampaignWatch(
                self.campaigns, self._keeper, self._tell_rounds, read_only=self.settings.read_only
            )
            self._campaign_watch.start()
        if self.settings.policy.retry == "bounded" and not self.settings.read_only:
            self._send_failures_again()

    def _send_failures_again(self) -> None:
        """As policy says, while the app is open."""
        from jobshape.app.resubmit.watch import RetryWatch

        policy = self.settings.policy
        self._retry_watch = RetryWatch(
            self.board, policy.terms, self._client.call, self.clock, self.action_log,
            self._tell_retry, self._blocks, policy.submit_command,
        )  # fmt: skip
        self._retry_watch.start()

    async def _blocks(self, draft: "Draft") -> list[str]:
        """What the pre-flight has against sending it."""
        if self.preflight is None:
            return []
        from jobshape.app.domain.check import blocking, softened

        try:
            lines = await self.preflight.examine(draft)
            return [line.title for line in blocking(map(softened, lines))]
        except JobshapeError as error:
            return [f"its pre-flight could not be made: {error.what}"]

    def _tell_retry(self, text: str, problem: bool) -> None:
        """What was sent again by itself, or was not."""
        if self.room is not None:
            self.room.status.tell(sanitize(text), problem=problem)

    def _tell_rounds(self, text: str) -> None:
        """What became of the process that runs campaigns."""
        if self.room is not None:
            self.room.status.tell(sanitize(text), problem=True)

    def board_changed(self) -> None:
        """Tell the screen and those who look for alerts."""
        super().board_changed()
        if self._alert_watch is not None:
            self._alert_watch.board_changed()

    def look_into(self, job: Job) -> None:
        """Have the cause of an ended job found."""
        if self._alert_watch is not None:
            self._alert_watch.want(job)

    def acknowledge(self, keys: Sequence[str]) -> None:
        """These alerts are seen."""
        if self._keeper is not None:
            self._keeper.acknowledge(keys)
            self.run_worker(self._keep_acknowledged(list(keys)), exit_on_error=False)

    async def _keep_acknowledged(self, keys: Sequence[str]) -> None:
        with suppress(JobshapeError):  # they stay away for this session
            await self._past.acknowledge(keys)

    def _tell_alerts(self, alerts: "Sequence[Alert]") -> None:
        """New ones: in the status line and, as set up, by the terminal's bell and notification."""
        from jobshape.app.alerts.telling import headline, notification

        text = headline(alerts)
        if self.room is not None:
            self.room.status.tell(text, problem=True)
        own = self.settings.alerts
        if own.bell:
            self.bell()
        signs = notification(own.notify, text, in_tmux=bool(os.environ.get("TMUX")))
        if signs and self._driver is not None:
            self._driver.write(signs)

    async def on_unmount(self) -> None:
        """The collector ends with the app."""
        if self._alert_watch is not None:
            self._alert_watch.stop()
        if self._retry_watch is not None:
            self._retry_watch.stop()
        if self._campaign_watch is not None:
            self._campaign_watch.stop()
        await self._client.close()

    def _end(self) -> None:
        signal.signal(signal.SIGALRM, lambda *_: os._exit(1))
        signal.alarm(int(END_WITHIN_S))  # a terminal that hangs must not keep us
        self.exit()


def run(
    settings: Settings,
    process: CollectorProcess,
    *,
    filter_text: str = "",
    prices: Prices,
    place: Place,
    campaigns: Campaigns | None = None,
) -> int:
    """Show the monitor until the person leaves; gives the exit code."""
    app = LiveApp(
        settings, process, filter_text=filter_text, prices=prices, place=place, campaigns=campaigns
    )
    app.run()
    if app.return_code:
        print("jobshape ended because of a mistake in itself; please report it", file=sys.stderr)  # noqa: T201
    return app.return_code or 0
