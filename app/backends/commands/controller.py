"""What is asked of the site as a whole: sdiag, versions, a user's accounts."""

import re
from collections.abc import Mapping

from jobshape.app.backends.base import Capability

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


def features_of(settings: Mapping[str, str], accounting_trouble: str) -> dict[str, Capability]:
    """What works, from the site's settings and from what sacct said ("" : it works)."""
    stored = settings.get("AccountingStoreFlags", "")
    gather = settings.get("JobAcctGatherType", "")
    private = settings.get("PrivateData", "none")
    measured = gather not in ("", "(null)") and not gather.endswith("/none")
    gpu = "gres/gpuutil" in settings.get("AccountingStorageTRES", "")
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
        "gpu_usage": Capability(
            gpu,
            "gres/gpuutil" if gpu else "not among AccountingStorageTRES",
            "" if gpu else "ask for AccountingStorageTRES=gres/gpuutil,gres/gpumem and AutoDetect",
        ),
        "submit": Capability(True, "sbatch"),
        "private_data": Capability(
            "jobs" not in private.split(","),
            f"PrivateData={private}",
            "" if "jobs" not in private.split(",") else "only your own jobs are shown",
        ),
    }
