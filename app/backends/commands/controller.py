"""What is asked of the site as a whole: sdiag, versions, a user's accounts."""

import re
from collections.abc import Mapping

from jobshape.app.backends.base import Capability
from jobshape.app.backends.gpu_usage.figures import HINT
from jobshape.app.backends.gpu_usage.sources import DEFAULT_SOURCES, GpuSources

_RPC = re.compile(
    r"^\s+(\w+)\s+\(\s*\d+\)\s+count:(\d+)\s+ave_time:\d+\s+total_time:(\d+)", re.MULTILINE
)
_SETTING = re.compile(r"^(\w+)\s*=\s*(.*?)\s*$", re.MULTILINE)


def cost_command() -> list[str]:
    """The command that shows the controller's own counters."""
    return ["sdiag"]


def parse_cost(text: str) -> dict[str, tuple[int, float]]:
    """Message type -> number of calls, time of all of them in ms."""
    start = text.find("by message type")
    end = text.find("by user", start)
    found = _RPC.findall(text[start:end])
    return {name: (int(count), int(total_us) / 1000) for name, count, total_us in found}


def settings_command() -> list[str]:
    """The command that shows the site's settings."""
    return ["scontrol", "show", "config"]


def parse_settings(text: str) -> dict[str, str]:
    """Setting -> value as written."""
    return dict(_SETTING.findall(text))


def accounts_command(user: str) -> list[str]:
    """The command that lists the accounts of a user."""
    return ["sacctmgr", "--noheader", "--parsable2", "show", "assoc",
            f"user={user}", "format=account"]  # fmt: skip


def parse_accounts(text: str) -> tuple[str, ...]:
    """The accounts, each once, in Slurm's order."""
    return tuple(dict.fromkeys(line.strip() for line in text.splitlines() if line.strip()))


def features_of(
    settings: Mapping[str, str], accounting_trouble: str, gpus: GpuSources = DEFAULT_SOURCES
) -> dict[str, Capability]:
    """What works, from the site's settings and from what sacct said ("" : it works)."""
    stored = settings.get("AccountingStoreFlags", "")
    gather = settings.get("JobAcctGatherType", "")
    private = settings.get("PrivateData", "none")
    measured = gather not in ("", "(null)") and not gather.endswith("/none")
    keeps_scripts = "job_script" in stored
    return {
        "accounting": Capability(
            not accounting_trouble,
            accounting_trouble or settings.get("AccountingStorageType", ""),
            "" if not accounting_trouble else "ask for slurmdbd: without it no history",
        ),
        "usage": Capability(
            measured, gather, "" if measured else "ask for JobAcctGatherType=jobacct_gather/cgroup"
        ),
        "script": Capability(
            True,
            "kept in accounting too" if keeps_scripts else "only while the job is in the queue",
            "" if keeps_scripts else "ask for AccountingStoreFlags=job_script",
        ),
        "gpu_usage": gpu_usage_of(settings, gpus),
        "submit": Capability(True, "sbatch"),
        "private_data": Capability(
            "jobs" not in private.split(","),
            f"PrivateData={private}",
            "" if "jobs" not in private.split(",") else "only your own jobs are shown",
        ),
    }


def gpu_usage_of(settings: Mapping[str, str], gpus: GpuSources) -> Capability:
    """Where GPU figures come from, in the order asked, or why there are none.

    Slurm alone does not count: a site whose AccountingStorageTRES names gres/gpu has gres/gpuutil
    too, but only nodes with AutoDetect=nvml fill it.
    """
    if "gpu" not in settings.get("GresTypes", "").split(","):
        return Capability(False, "no GPU figures: gpu is not among this site's GresTypes")
    counted = "gres/gpuutil" in settings.get("AccountingStorageTRES", "")
    sources = ["Slurm's gres/gpuutil where nodes measure it"] if counted else []
    if gpus.dcgm_url:
        sources.append(f"DCGM at {gpus.dcgm_url}")
    if gpus.probe:
        sources.append("nvidia-smi in jobs looked at")
    if gpus.dcgm_url or gpus.probe:
        return Capability(True, ", else ".join(sources))
    if counted:
        hint = "shows none? ask for AutoDetect=nvml in gres.conf, name a dcgm_url, or set gpu_probe"
        return Capability(True, sources[0], hint)
    return Capability(False, "no GPU figures: no source was found", HINT)
