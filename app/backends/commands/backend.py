"""The backend that speaks to a site through Slurm's own commands, here or through ssh."""

import os
import pwd
import secrets
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property, partial
from typing import TYPE_CHECKING

from jobshape.app.backends.base import (
    Capabilities,
    ControllerCost,
    FirstJobs,
    JobDetail,
    QueueReading,
    Scope,
)
from jobshape.app.backends.commands import (
    accounting,
    asked,
    change,
    controller,
    detail,
    log_file,
    queue,
    records,
    site,
    site_limits,
    steps,
    submit,
    update,
    usage,
)
from jobshape.app.backends.commands.runner import UNSURE_HINT, Output, Runner
from jobshape.app.backends.commands.submit import script_path
from jobshape.app.backends.commands.words import error_of
from jobshape.app.backends.gpu_usage.sources import DEFAULT_SOURCES, GpuSources
from jobshape.app.domain.errors import BackendError, BadRequest, NotSupported, Refused, Unreachable
from jobshape.app.domain.job import AccountedJob, Job, LogPaths, Usage
from jobshape.app.domain.limits import SiteLimits
from jobshape.app.domain.log_part import LogPart
from jobshape.app.domain.request import EarliestStart, JobChanges, JobRequest, SubmitRequest
from jobshape.app.domain.site import Node, Partition
from jobshape.app.domain.step import Step
from jobshape.app.logs.source import check_part, read_file

if TYPE_CHECKING:
    from jobshape.app.backends.gpu_usage.reader import GpuReader, Notes
    from jobshape.app.backends.gpu_usage.slurm import GpuUse

_SSTAT_AGAIN_S = 120.0  # for GPU figures alone, of jobs of which Slurm had none: most sites' jobs
_EXTRAS_S = 5.0  # for what accounting adds to what the controller told
_EVER = 1_000_000_000  # before the first Slurm; sacct takes no time before 1970-01-12


class CommandsBackend:
    """A site through squeue, scontrol, sacct, sstat, sbatch, scancel and sdiag.

    ssh_host: the login node to run them on, as ssh knows it; None for this machine. timeout_s: the
    longest one call may take, retries included. ssh: the ssh command with a person's own options.
    gpus: where GPU figures may come from, beside Slurm.
    """

    def __init__(
        self,
        *,
        ssh_host: str | None = None,
        timeout_s: float = 20,
        attempts: int = 3,
        ssh: Sequence[str] = ("ssh",),
        gpus: GpuSources = DEFAULT_SOURCES,
    ) -> None:
        self.calls: dict[str, int] = Counter()
        self._runner = Runner(ssh_host=ssh_host, timeout_s=timeout_s, attempts=attempts, ssh=ssh)
        self._via = f" via ssh {ssh_host}" if ssh_host else ""
        # Closes free texts in what the commands print; no job can know it, so none can forge it.
        self._mark = queue.MARK + secrets.token_hex(2)
        self._ssh = tuple(ssh)
        self._field_names: frozenset[str] = frozenset()
        self._gpus = gpus
        self._gpu_notes: Notes = {}  # replaced when they change, so that other processes are told

    def capabilities(self) -> Capabilities:
        """What works here, found out by asking; a part that does not answer says why."""
        settings = controller.parse_settings(
            self._ask(controller.settings_command(), "REQUEST_BUILD_INFO", "REQUEST_PING")
        )
        return Capabilities(
            backend="commands",
            source=f"squeue{self._via}",
            cluster=settings.get("ClusterName", ""),
            scheduler_version=f"slurm {settings.get('SLURM_VERSION', '?')}",
            user=self._user,
            accounts=self._accounts,
            features=controller.features_of(settings, self._accounting_trouble(), self._gpus),
        )

    def queue(self, scope: Scope, first: FirstJobs | None = None) -> QueueReading:
        """All jobs of a scope.

        squeue folds pending tasks of an array that share name and partition into one record; what
        is split off is a record of its own once it has started.
        """
        mine = scope is Scope.MINE
        accounts = self._accounts_or_fail() if scope is Scope.ACCOUNTS else ()
        command = queue.queue_command(
            scope, user=self._user if mine else "", accounts=accounts, mark=self._mark
        )
        job_call = "REQUEST_JOB_USER_INFO" if mine else "REQUEST_JOB_INFO"
        text = self._ask(command, job_call, "REQUEST_PARTITION_INFO")
        reading = queue.parse_queue(text, mark=self._mark, first=first)
        return replace(reading, source=f"squeue{self._via}")

    def pulse(self) -> str:
        """The states of all jobs, which Slurm 24.05 and newer tell in one small message."""
        self._count("REQUEST_JOB_STATE")
        output = self._runner.run(queue.pulse_command(), check=False)
        if output.code == 0:
            return queue.parse_pulse(output.stdout)
        if "only-job-state" in output.stderr:
            raise NotSupported("squeue here knows no --only-job-state", where="squeue",
                               hint="Slurm 24.05 and newer have it")  # fmt: skip
        raise error_of("squeue", output.stderr, output.code, self._runner.ssh_host)

    def nodes(self) -> list[Node]:
        """All nodes, those of hidden partitions too."""
        calls = ("REQUEST_NODE_INFO", "REQUEST_PARTITION_INFO")
        return site.parse_nodes(self._ask(site.nodes_command(), *calls))

    def partitions(self) -> list[Partition]:
        """All partitions, hidden ones too."""
        text = self._ask(site.partitions_command(), "REQUEST_PARTITION_INFO")
        return site.parse_partitions(text)

    def usage(self, jobs: Sequence[str], *, probe: bool = True) -> list[Usage]:
        """Live usage; give Slurm's own ids, a label ``4_7`` also brings the array's other tasks."""
        if not jobs:
            return []
        found, uses = self.measured(jobs)
        reader = self._gpu_reader(probe)
        found, self._gpu_notes = reader.fill(found, lambda _: uses, self._gpu_notes)
        return found

    def with_gpus(
        self, found: Sequence[Usage], notes: "Notes", probe: bool
    ) -> tuple[list[Usage], "Notes"]:
        """Usage that somebody else read with GPU figures, and the notes to hand in next time."""
        return self._gpu_reader(probe).fill(
            found,
            lambda job_ids: self.measured(list(map(str, job_ids)))[1],
            notes,
            slurm_again_s=_SSTAT_AGAIN_S,
        )

    def _gpu_reader(self, probe: bool) -> "GpuReader":
        """Made for a call: only usage needs what it imports."""
        from jobshape.app.backends.commands.gpu_site import GpuSite
        from jobshape.app.backends.gpu_usage.probe import TIMEOUT_S
        from jobshape.app.backends.gpu_usage.reader import GpuReader

        prober = Runner(
            ssh_host=self._runner.ssh_host, timeout_s=TIMEOUT_S, attempts=1, ssh=self._ssh
        )
        site = GpuSite(
            self._runner, prober, user=lambda: self._user, count=self._count, mark=self._mark
        )
        return GpuReader(self._gpus, site, looked_at=probe)

    def measured(self, jobs: Sequence[str]) -> tuple[list[Usage], dict[int, "GpuUse"]]:
        """What sstat knows: usage without GPU figures, and what Slurm measured of the GPUs."""
        self._count("REQUEST_FED_INFO", *["REQUEST_JOB_STEP_INFO"] * len(jobs))
        # A job without steps is no error here, so the exit code says nothing.
        output = self._runner.run(usage.usage_command(jobs), check=False)
        found = usage.parse_usage(output.stdout, int(time.time()))
        if not found and output.code != 0:
            raise error_of("sstat", output.stderr, output.code, self._runner.ssh_host)
        return found, usage.parse_gpu_use(output.stdout)

    def accounting(
        self,
        scope: Scope,
        since: int,
        until: int | None = None,
        jobs: Sequence[str] = (),
        *,
        ended: bool = False,
    ) -> list[AccountedJob]:
        """Jobs of accounting; of a requeued job the last run."""
        fields = accounting.fields_of(self._sacct_fields)
        command = accounting.accounting_command(
            scope, since, until, user=self._user, jobs=jobs, ended=ended, fields=fields,
            mark=self._mark, accounts=self._accounts_or_fail() if scope is Scope.ACCOUNTS else (),
        )  # fmt: skip
        text = self._runner.run(command).stdout
        return accounting.parse_accounting(text, fields=fields, mark=self._mark)

    def detail(self, job: str) -> JobDetail:
        """Everything of one job, from the queue or else from accounting."""
        try:
            record, fields = self._fields(job)
        except BadRequest as error:
            try:
                return detail.detail_of_accounted(self._accounted(job))
            except BackendError:
                raise error from None
        return detail.detail_of(fields, record.job_id)

    def steps(self, job: str) -> list[Step]:
        """The steps from accounting; where it has none, those the controller knows to run."""
        found: list[Step] | None = None
        trouble: BackendError | None = None
        try:
            text = self._runner.run(steps.steps_command(job, mark=self._mark)).stdout
            found = steps.parse_steps(text, job, mark=self._mark)
        except BadRequest:
            raise
        except BackendError as error:  # no accounting here, or slurmdbd is away
            trouble = error
        if not found:
            running = self._running_steps(job)
            if found is None and not running:
                raise trouble or BadRequest(f"no job {job} in accounting", where="sacct")
            found = running
        return steps.in_order(found)

    def _running_steps(self, job: str) -> list[Step]:
        self._count("REQUEST_JOB_STEP_INFO")
        # A job without a step now is no error here: scontrol says so on stdout.
        output = self._runner.run(steps.running_steps_command(job), check=False)
        if output.code != 0 and output.stderr:
            raise error_of("scontrol", output.stderr, output.code, self._runner.ssh_host)
        return steps.parse_running_steps(output.stdout)

    def submit(self, request: SubmitRequest) -> int:
        """Submit a script; never sent twice where the first may have arrived."""
        with script_path(request, here=self._runner.ssh_host is None) as path:
            command = submit.submit_command(request, path=path)
            output = self._change(command, "REQUEST_SUBMIT_BATCH_JOB", request)
        job_id = submit.parse_submitted(output.stdout)
        if job_id is None:
            said = " ".join((output.stdout or output.stderr).split()) or "nothing"
            what = f"it gave no job id, but said: {said[:200]}"
            raise Unreachable(what, where=command[0], hint=UNSURE_HINT)
        return job_id

    def cancel(self, job: str, *, signal: str | None = None) -> None:
        """Cancel, or send a signal as scancel does: to the steps, not to the batch script."""
        self._count("REQUEST_KILL_JOB")
        command = change.cancel_command(job, signal)
        output = self._runner.run(command, action=True, check=False)
        trouble = change.parse_cancel(output.stderr)
        if trouble or output.code != 0:
            raise error_of("scancel", trouble or output.stderr, output.code, self._runner.ssh_host)

    def hold(self, job: str) -> None:
        """Hold a pending job."""
        self._change(change.hold_command(job), "REQUEST_UPDATE_JOB")

    def release(self, job: str) -> None:
        """Release a held job."""
        self._change(change.release_command(job), "REQUEST_UPDATE_JOB")

    def requeue(self, job: str) -> None:
        """Put a batch job back in the queue."""
        self._change(change.requeue_command(job), "REQUEST_JOB_REQUEUE")

    def top(self, job: str) -> None:
        """Put a pending job first; Slurm lets users do it where enable_user_top is set."""
        self._change(change.top_command(job), "REQUEST_TOP_JOB")

    def suspend(self, job: str) -> None:
        """Stop a running job where it is."""
        self._stop_or_go(change.suspend_command(job), job)

    def resume(self, job: str) -> None:
        """Let a suspended job go on."""
        self._stop_or_go(change.resume_command(job), job)

    def _stop_or_go(self, command: Sequence[str], job: str) -> None:
        """Suspend or resume. scontrol says the same of an unknown job as of no answer in time."""
        try:
            self._change(command, "REQUEST_SUSPEND")
        except Refused as error:
            if "Unexpected message" not in error.what:
                raise
            try:
                self._records(job)
            except Unreachable as silent:
                raise Unreachable(silent.what, where=silent.where, hint=UNSURE_HINT) from error
            raise

    def update(self, job: str, changes: JobChanges) -> None:
        """Change a job in place; what is refused is taken back, as far as Slurm did it."""
        update.update_job(
            job,
            changes,
            fields=lambda: self._fields(job)[1],
            send=lambda command: self._change(command, "REQUEST_UPDATE_JOB"),
        )

    def script(self, job: str) -> str:
        """The script, from the controller or, if the job is gone, from accounting."""
        self._count("REQUEST_BATCH_SCRIPT")
        output = self._runner.run(detail.script_command(job), check=False)
        if output.stdout:
            return output.stdout
        kept = self._runner.run(records.script_command(job), check=False)
        added = records.adds_line_end(self._runner.run(records.version_command()).stdout)
        script = records.parse_script(kept.stdout, line_end_added=added)
        if script:
            return script
        raise error_of("scontrol", output.stderr, output.code, self._runner.ssh_host)

    def log_paths(self, job: str) -> LogPaths:
        """Where it writes, from the controller or, if the job is gone, from accounting."""
        try:
            record, fields = self._fields(job)
        except BadRequest:
            return self._accounted_log_paths(job)
        task = job.partition("_")[2]
        if record.array_tasks and task.isdigit():  # not split off yet
            record = record._replace(array_task_id=int(task))
        return detail.log_paths_of(fields, record)

    def read_log(self, path: str, offset: int, size: int, *, on_node_of: str = "") -> LogPart:
        """A part of a file: from here, through ssh, or through srun inside a running job."""
        check_part(path, size)
        host = self._runner.ssh_host
        if on_node_of:
            run = self._inside(on_node_of)
        elif host is None:
            return read_file(path, offset, size)
        else:
            run = partial(self._runner.run, check=False)
        return log_file.read_part(run, path, offset, size, ssh_host=host)

    def earliest_start(self, request: SubmitRequest) -> EarliestStart:
        """When it would start; Refused, in the controller's words, if it never could."""
        self._count("REQUEST_JOB_WILL_RUN")
        command = submit.submit_command(request, test_only=True)
        output = self._runner.run(command, stdin=request.script)
        said = output.stdout + output.stderr
        return submit.parse_earliest_start(said, now=int(time.time()))

    def request_of(self, job: str) -> JobRequest:
        """What a job asks for, from the controller or, if the job is gone, from accounting."""
        try:
            records = self._records(job)
            record, fields = self._fields(job, records)
        except BadRequest as error:
            kept = self._kept(job)
            one = asked.kept_of(job, kept)
            if one is None:
                raise error from None
            return asked.request_of_kept(job, one, kept)
        try:
            kept = self._kept(job, within_s=_EXTRAS_S)
        except BackendError:  # only patterns, the submit line and ended tasks are missing then
            kept = []
        return asked.request_of(job, record, fields, records, kept)

    def limits(self) -> SiteLimits:
        """What may be asked for; without slurmdbd partitions alone."""
        shown = self._ask(site.partitions_command(), "REQUEST_PARTITION_INFO")
        settings = controller.parse_settings(
            self._ask(controller.settings_command(), "REQUEST_BUILD_INFO", "REQUEST_PING")
        )
        return site_limits.limits_of(
            shown, settings, lambda command: self._runner.run(command).stdout, lambda: self._user
        )

    def controller_cost(self) -> ControllerCost:
        """The controller's count of calls and their time, by message type."""
        return ControllerCost(
            controller.parse_cost(self._ask(controller.cost_command(), "REQUEST_STATS_INFO"))
        )

    @cached_property
    def _user(self) -> str:
        if self._runner.ssh_host is None:
            return pwd.getpwuid(os.getuid()).pw_name
        return self._runner.run(["id", "-un"]).stdout.strip()

    @cached_property
    def _accounts(self) -> tuple[str, ...]:
        try:
            output = self._runner.run(controller.accounts_command(self._user))
        except BackendError:  # no accounting here: a site without accounts
            return ()
        return controller.parse_accounts(output.stdout)

    @property
    def _sacct_fields(self) -> frozenset[str]:
        return self._known_fields(self._runner)

    def _known_fields(self, runner: Runner) -> frozenset[str]:
        """The fields of this sacct; it waits for a slurmdbd that hangs, though it asks nothing."""
        if not self._field_names:
            names = runner.run(accounting.field_names_command()).stdout
            self._field_names = frozenset(names.split())
        return self._field_names

    def _accounts_or_fail(self) -> tuple[str, ...]:
        if not self._accounts:
            what = f"no account of {self._user} is known"
            raise NotSupported(what, where="sacctmgr", hint="this site keeps no accounting")
        return self._accounts

    def _accounting_trouble(self) -> str:
        """Why sacct gives nothing; "" if it works."""
        now = int(time.time())
        try:
            asked = (Scope.MINE, now - 1, now)
            self._runner.run(accounting.accounting_command(*asked, user=self._user, ended=True))
        except BackendError as error:
            return error.what
        return ""

    def _records(self, job: str) -> list[Job]:
        """The records of the queue of a job, of all tasks of an array."""
        command = queue.queue_command(Scope.ALL, jobs=[job], mark=self._mark)
        text = self._ask(command, "REQUEST_JOB_INFO_SINGLE")
        return queue.parse_queue(text, mark=self._mark).jobs

    def _kept(self, job: str, within_s: float | None = None) -> list[asked.Kept]:
        """What accounting keeps of a job's request, of all tasks of an array."""
        runner = self._runner
        if within_s is not None:
            host = runner.ssh_host
            runner = Runner(ssh_host=host, timeout_s=within_s, attempts=1, ssh=self._ssh)
        return asked.read_kept(
            lambda command: runner.run(command).stdout, job, self._known_fields(runner), self._mark
        )

    def _fields(self, job: str, records: Sequence[Job] | None = None) -> tuple[Job, dict[str, str]]:
        """A job of the queue with scontrol's fields of it. Raises BadRequest if it is not there."""
        record = asked.record_of(job, self._records(job) if records is None else records)
        if record is None:
            raise BadRequest(f"no job {job} in the queue", where="squeue")
        shown = self._ask(detail.detail_command(str(record.job_id)), "REQUEST_JOB_INFO_SINGLE")
        fields = detail.fields_of(shown, record)
        if not fields:
            raise BadRequest(f"no job {job} in the queue any more", where="scontrol")
        return record, fields

    def _inside(self, job: str) -> log_file.Run:
        """Starts commands inside a running job, on the node its batch script runs on."""
        record, fields = self._fields(job)
        node = fields.get("BatchHost", "")
        if record.state != "RUNNING" or not node:
            raise BadRequest(f"job {job} runs on no node now", where="srun")

        def run(command: Sequence[str]) -> Output:
            self._count("REQUEST_JOB_STEP_CREATE")
            step = log_file.step_command(record.job_id, node, command)
            return self._runner.run(step, check=False)

        return run

    def _accounted(self, job: str) -> AccountedJob:
        found = self.accounting(Scope.ALL, _EVER, jobs=[job])
        for accounted in found:
            if job in (accounted.job.label, str(accounted.job.job_id)):
                return accounted
        if found:
            return found[0]
        raise BadRequest(f"no job {job} in accounting", where="sacct")

    def _accounted_log_paths(self, job: str) -> LogPaths:
        if not self._sacct_fields.issuperset(records.LOG_FIELDS):
            what = f"job {job} left the queue, and accounting here keeps no log paths"
            raise BadRequest(what, where="sacct", hint="Slurm 24.05 and newer keep them")
        text = self._runner.run(records.log_paths_command(job, mark=self._mark)).stdout
        paths = records.parse_log_paths(text, mark=self._mark)
        if paths is None:
            raise BadRequest(f"no job {job} in accounting", where="sacct")
        return detail.filled(paths, self._accounted(job).job)

    def _ask(self, command: Sequence[str], *calls: str) -> str:
        self._count(*calls)
        return self._runner.run(command).stdout

    def _change(
        self, command: Sequence[str], call: str, request: SubmitRequest | None = None
    ) -> Output:
        self._count(call)
        if request is None:
            return self._runner.run(command, action=True)
        environment = request.environment
        return self._runner.run(
            command,
            stdin=request.script,
            action=True,
            plain=True,
            environment=environment,
            once=bool(request.command),
        )

    def _count(self, *calls: str) -> None:
        for call in calls:
            self.calls[call] += 1
