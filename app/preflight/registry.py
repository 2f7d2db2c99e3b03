"""All rules, in the order in which people read them."""

from collections.abc import Mapping

from jobshape.app.preflight import (
    code_rules,
    file_rules,
    place_rules,
    queue_rules,
    script_rules,
    size_rules,
)
from jobshape.app.preflight.rule import Rule

RULES: tuple[Rule, ...] = (
    Rule("script", "block", "the script is there, can be read and starts with #!",
         script_rules.script_is_one, liftable=False),
    Rule("directives", "block", "every #SBATCH line is understood; unknown options by line",
         script_rules.lines_parse),
    Rule("partition", "block", "it exists, is up, and lets account, QOS and group in",
         place_rules.partition_allows),
    Rule("qos", "block", "it exists, and the account may use it", place_rules.qos_allows),
    Rule("account", "block", "it exists, and you are in it", place_rules.account_is_ours),
    Rule("gpu_type", "block", "usable nodes of the partition have GPUs of that type",
         place_rules.gpu_type_is_there),
    Rule("walltime", "block", "within the limits of partition, QOS and account",
         size_rules.walltime_fits),
    Rule("memory", "block", "within the partition's largest node and limits on memory",
         size_rules.memory_fits),
    Rule("memory_per_gpu", "block", "within policy.memory_per_gpu, or # JUSTIFIED: reason",
         size_rules.memory_per_gpu_is_modest),
    Rule("nodes_fit", "block", "enough nodes of a partition have the CPUs, memory and GPUs",
         size_rules.nodes_fit),
    Rule("pinned_gpu", "block", "no CUDA_VISIBLE_DEVICES= and no cuda:N in script or Python file",
         code_rules.no_gpu_is_pinned),
    Rule("output", "block", "the folder of its log exists and may be written to",
         file_rules.output_can_be_written),
    Rule("disk", "warn", "neither disk nor quota of the output folder is full",
         file_rules.disk_has_room),
    Rule("inputs", "block", "every file of a `# NEEDS: path` comment is there",
         file_rules.inputs_are_there),
    Rule("duplicate", "block", "the same script with the same arguments is not in the queue",
         queue_rules.not_sent_twice),
    Rule("in_flight", "block", "your jobs in the queue stay under policy.jobs_in_flight",
         queue_rules.few_in_flight),
    Rule("notification", "warn", "Slurm mails, or jobshape tells, when it ends",
         code_rules.somebody_is_told),
    Rule("checkpoint", "warn", "from policy.long_job on, how it resumes is known",
         code_rules.long_jobs_keep_their_state),
    Rule("smoke", "block", "the same configuration passed on a smoke partition (policy.smoke)",
         queue_rules.smoke_has_passed),
    Rule("site_accepts", "block", "sbatch --test-only, or the like, says yes",
         queue_rules.site_would_take_it),
)  # fmt: skip

RULE_OF: Mapping[str, Rule] = {rule.name: rule for rule in RULES}
