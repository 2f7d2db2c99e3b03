"""Which field of a shape a site's refusal is about, so that a form can show it there.

Source of the words: Slurm 22.05 to 26.05, slurm_errno.c, sbatch's own checks, and what a test
cluster said; the local site refuses in the same words. "Requested node configuration is not
available" and "Requested partition configuration not available now" name no field: any of the size
may be it, what comes with them decides.
"""

import re

# The first pattern that is found decides: narrow ones stand before wide ones.
_WORDS: tuple[tuple[str, str], ...] = (
    (r"QOSMaxWall|AssocMaxWall|MaxWall\w*PerJob|QOSMinWall|AssocGrpWall|PartitionTimeLimit",
     "time_limit_s"),
    (r"(QOS|Assoc)\w*(Max|Min|Grp)\w*(Mem|Memory)", "memory_bytes"),
    (r"(QOS|Assoc)\w*(Max|Min|Grp)\w*GRES", "gpus"),
    (r"(QOS|Assoc)\w*(Max|Min|Grp)\w*Node", "nodes"),
    (r"(QOS|Assoc)\w*(Max|Min|Grp)\w*Cpu", "cpus_per_task"),
    (r"PartitionNodeLimit", "nodes"),
    (r"[Jj]ob array|--array|ArrayTaskThrottle|array index", "array"),
    (r"dependenc", "dependency"),
    (r"[Ii]nvalid account|account/partition|-A/--account|--account", "account"),
    (r"\baccount\b.*not permitted|not permitted to use this partition|partition-group"
     r"|[Ii]nvalid partition|partition name|--partition|group not permitted"
     r"|[Rr]equired partition|partition is down|AllowQos", "partition"),
    (r"[Ii]nvalid qos|--qos|\bqos\b.*(not|invalid)", "qos"),
    (r"time limit(?!s)|--time\b|TimeLimit|[Tt]ime specification", "time_limit_s"),
    (r"GRES|gres|generic resource|--gpus|\bGPUs?\b", "gpus"),
    (r"[Mm]emory (specification|required)|--mem\b|MinMemory|MiB of memory|memory limit",
     "memory_bytes"),
    (r"feature|--constraint", "features"),
    (r"Invalid node name|--exclude|--nodelist|ExcNodeList", "exclude_nodes"),
    (r"[Nn]ode count|--nodes\b|NumNodes|it asks for \d+ nodes|[Tt]oo many nodes", "nodes"),
    (r"[Tt]ask count|--ntasks\b|NumTasks|tasks per node", "tasks"),
    (r"[Mm]ore processors|CPU count|--cpus-per-task|CPUsPerTask|NumCPUs|asks for \d+ CPUs"
     r"|CPU binding|[Tt]oo many CPUs", "cpus_per_task"),
)  # fmt: skip
_READ = tuple((re.compile(pattern), field) for pattern, field in _WORDS)


def field_of_refusal(words: str) -> str:
    """The shape's field that a refusal concerns, or ``dependency``; "" where it does not tell.

    words: what the controller said, with the hint behind it where there is one.
    """
    return next((field for pattern, field in _READ if pattern.search(words)), "")
