"""Which field of a shape the controller's words are about."""


def field_of_refusal(words: str) -> str:
    """The field, "" where the words concern none."""
    text = words.lower()
    return next((field for part, field in _WORDS if part in text), "")


_WORDS = (
    ("partition", "partition"),
    ("time limit", "time_limit_s"),
    ("memory", "memory_bytes"),
    ("qos", "qos"),
    ("account", "account"),
    ("gres", "gpus"),
    ("feature", "features"),
    ("processors", "cpus_per_task"),
    ("node count", "nodes"),
)
