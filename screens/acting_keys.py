"""The commands that act on jobs, for every room where jobs can be chosen."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from jobshape.app.domain.job import Job

if TYPE_CHECKING:
    from jobshape.screens.room import Room

    Base = Room
else:
    Base = object


class ActingKeys(Base):
    """Mixed into a room, which says which jobs are meant."""

    def chosen_jobs(self) -> Sequence[Job]:
        """The jobs that a key acts on."""
        raise NotImplementedError

    def acted(self) -> None:
        """Some of them were touched."""
        raise NotImplementedError

    def do_hold(self) -> None:
        """Hold."""
        self._act("hold")

    def do_release(self) -> None:
        """Release."""
        self._act("release")

    def do_cancel(self) -> None:
        """Cancel; asks."""
        self._act("cancel", ask=self.context.confirm)

    def do_requeue(self) -> None:
        """Requeue; asks."""
        self._act("requeue", ask=self.context.confirm)

    def do_top(self) -> None:
        """Put first."""
        self._act("top")

    def do_suspend(self) -> None:
        """Suspend; asks."""
        self._act("suspend", ask=self.context.confirm)

    def do_resume(self) -> None:
        """Resume."""
        self._act("resume")

    def do_edit(self) -> None:
        """Edit what they ask for."""
        from jobshape.screens.edit import edit

        edit(self, self.chosen_jobs(), self.acted)

    def do_resubmit(self) -> None:
        """Send them again."""
        from jobshape.screens.resubmit import resubmit

        resubmit(self, self.chosen_jobs())

    def do_smoke(self) -> None:
        """Run the script of the first of them in rounds."""
        from jobshape.screens.begin_rounds import begin_from_job

        jobs = self.chosen_jobs()
        if jobs:
            self.run_worker(begin_from_job(self, jobs[0]), group="begin", exit_on_error=False)

    def do_submit(self) -> None:
        """Submit a script."""
        from jobshape.screens.submit import submit

        submit(self)

    def _act(self, action: str, *, ask: bool = False) -> None:
        from jobshape.screens.act import act

        act(self, action, self.chosen_jobs(), ask=ask, done=self.acted)
