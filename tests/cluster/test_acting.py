"""Acting on jobs by keys alone on the real cluster: what ``scontrol`` then says is the proof."""

from __future__ import annotations

import re
import signal
import time
from collections.abc import Callable
from typing import Any

from terminal import Terminal

Open = Callable[..., Terminal]


def shown(box: Any, job: int | str) -> dict[str, str]:
    """What the controller says of a job, by field."""
    text = box.run(["scontrol", "show", "job", str(job)]).stdout
    return dict(re.findall(r"(\S+?)=(\S*)", text))


def fill(terminal: Terminal, title: str, text: str) -> None:
    """Go to a field of the form and type into it."""
    for _ in range(20):
        if is_current(terminal, title):
            break
        terminal.press("down")
        terminal.wait_quiet()
    else:
        raise AssertionError(f"no way to {title}:\n{terminal.text}")
    terminal.press("ctrl+u")
    terminal.write(text)
    terminal.wait_quiet()


def is_current(terminal: Terminal, title: str) -> bool:
    """Whether the field has the cursor: its title is bold."""
    for y, line in enumerate(terminal.lines):
        found = re.search(rf"│[ *] ({re.escape(title)})\b", line)
        if found:
            return bool(terminal.screen.buffer[y][found.start(1)].bold)
    raise AssertionError(f"no field {title}:\n{terminal.text}")


def test_a_pending_job_is_changed_field_by_field(box: Any, open_app: Open, submit: Any) -> None:
    job = submit("shapeless", "--begin=now+1hour")
    terminal = open_app("--filter", "shapeless")
    terminal.wait_for(rf"{job} +PD")
    terminal.press("e")
    terminal.wait_for("Memory a node")
    terminal.wait_for("at most")
    for title, text in [
        ("Memory a node", "x2"), ("CPUs a task", "2"), ("Walltime", "1:30:00"),
        ("GPUs a node", "a100:1"), ("Partition", "gpu"),
    ]:  # fmt: skip
        fill(terminal, title, text)
    terminal.press("enter")
    terminal.wait_for(r"Change 1 job\?")
    assert re.search(r"Memory a node +50M . 100M", terminal.text), terminal.text
    terminal.press("y")
    terminal.wait_for("changed 1 job")
    found = shown(box, job)
    assert found["MinMemoryNode"] == "100M"
    assert found["CPUs/Task"] == "2"
    assert found["TimeLimit"] == "01:30:00"
    assert found["Partition"] == "gpu"
    assert "gpu" in found["TresPerNode"] and found["TresPerNode"].endswith(":1")
    assert re.search(r"cpu=2\b", found["ReqTRES"]), found["ReqTRES"]
    assert "mem=100M" in found["ReqTRES"]
    assert "gres/gpu" in found["ReqTRES"]


def test_a_change_is_taken_back(box: Any, open_app: Open, submit: Any) -> None:
    job = submit("undone", "--begin=now+1hour")
    terminal = open_app("--filter", "undone")
    terminal.wait_for(rf"{job} +PD")
    terminal.press("e")
    terminal.wait_for("Memory a node")
    fill(terminal, "Memory a node", "+100%")
    terminal.press("enter")
    terminal.wait_for(r"Change 1 job\?")
    terminal.press("y")
    terminal.wait_for("changed 1 job")
    assert shown(box, job)["MinMemoryNode"] == "100M"
    terminal.press("ctrl+z")
    terminal.wait_for("100M")
    terminal.press("y")
    terminal.wait_until(lambda: shown(box, job)["MinMemoryNode"] == "50M")


def test_a_refusal_stands_at_its_field_and_nothing_typed_is_lost(
    box: Any, open_app: Open, submit: Any
) -> None:
    job = submit("refusal", "--begin=now+1hour")
    terminal = open_app("--filter", "refusal")
    terminal.wait_for(rf"{job} +PD")
    terminal.press("e")
    terminal.wait_for("Memory a node")
    fill(terminal, "Partition", "nowhere")
    terminal.press("enter")
    terminal.wait_for(r"Change 1 job\?")
    terminal.press("y")
    terminal.wait_for("nvalid partition name")
    assert re.search(r"Partition +nowhere", terminal.text), terminal.text
    assert shown(box, job)["Partition"] != "nowhere"


def test_bob_cannot_touch_alices_job_and_sees_why(box: Any, open_app: Open, submit: Any) -> None:
    job = submit("private", "--begin=now+1hour")
    terminal = open_app("--scope", "all", "--filter", "private", user="bob")
    terminal.wait_for(rf"{job} +PD")
    terminal.press("H")
    terminal.wait_for(r"Hold 1 job\?")
    terminal.press("y")
    terminal.wait_for(rf"Hold {job}: .*(Access/permission denied|Invalid user id)")
    terminal.press("e")
    terminal.wait_for("Memory a node")
    fill(terminal, "Memory a node", "x2")
    terminal.press("enter")
    terminal.wait_for(r"Change 1 job\?")
    terminal.press("y")
    terminal.wait_for("Access/permission denied|Invalid user id")
    assert shown(box, job)["MinMemoryNode"] == "50M"
    assert shown(box, job)["Priority"] != "0"


def test_some_tasks_of_a_waiting_array_are_changed(box: Any, open_app: Open, submit: Any) -> None:
    array = submit("tasks", "--begin=now+1hour", "--array=0-9")
    terminal = open_app("--filter", "tasks")
    terminal.wait_for(rf"{array}_\S* +PD")
    terminal.press("e")
    terminal.wait_for("Only tasks")
    fill(terminal, "Memory a node", "80M")
    fill(terminal, "Only tasks", "3,5-7")
    terminal.press("enter")
    terminal.wait_for(r"Change 1 job \(4 tasks\)\?")
    terminal.press("y")
    terminal.wait_for("changed 1 job")
    listed = box.run(["squeue", "-h", "-r", "-j", str(array), "-o", "%K %m"]).stdout.split("\n")
    changed = {line.split()[0] for line in listed if line.endswith("80M")}
    assert changed == {"3", "5", "6", "7"}, listed


def test_a_running_job_is_not_cancelled_unread(box: Any, open_app: Open, submit: Any) -> None:
    job = submit("worker", "--output=/tmp/worker-%j.out", wrap="echo step one done; sleep 300")
    terminal = open_app("--filter", "worker")
    terminal.wait_for(rf"{job} +R")
    box.run(["sh", "-c", f"until test -s /tmp/worker-{job}.out; do sleep 0.1; done"])
    terminal.press("x")
    terminal.wait_for(r"Cancel 1 job\?")
    terminal.wait_for("step one done")
    terminal.press("y")
    terminal.wait_until(lambda: shown(box, job)["JobState"] == "CANCELLED")
    terminal.press("5")
    terminal.wait_for(rf"cancel.*|{job}")


def test_with_the_controller_down_an_action_ends_and_nothing_is_sent_later(
    box: Any, open_app: Open, submit: Any
) -> None:
    job = submit("frozen", "--begin=now+1hour")
    terminal = open_app("--filter", "frozen")
    terminal.wait_for(rf"{job} +PD")
    box.stop("slurmctld")
    try:
        terminal.press("H")
        terminal.wait_for(r"Hold \d+: ", timeout_s=45)
        assert "hold: 1 job" not in terminal.lines[-2]
    finally:
        box.start("slurmctld")
        box.wait_up()
    terminal.wait_for(rf"{job} +PD", timeout_s=60)
    terminal.watch(5)  # were it kept to be sent again, it would be by now
    assert shown(box, job)["Priority"] != "0"


def test_a_frozen_controller_is_told_as_no_answer(box: Any, open_app: Open, submit: Any) -> None:
    job = submit("stopped", "--begin=now+1hour")
    terminal = open_app("--filter", "stopped")
    terminal.wait_for(rf"{job} +PD")
    box.signal("slurmctld", signal.SIGSTOP)
    try:
        terminal.press("H")
        terminal.wait_for(r"Hold \d+: ", timeout_s=45)
        assert "it may be done all the same" in terminal.text, terminal.text
    finally:
        box.signal("slurmctld", signal.SIGCONT)


HUNGRY = """#!/bin/bash
#SBATCH --job-name=hungry
#SBATCH --mem=60M   # too little
#SBATCH --time=5
#SBATCH --output=/dev/null
python3 -c "
x = bytearray(90 << 20)
for at in range(0, len(x), 4096):
    x[at] = 1"
"""


def submit_script(box: Any, name: str, text: str, *options: str) -> int:
    """A script of alice's home, submitted."""
    box.run(["sh", "-c", f"cat > {name}"], input=text)
    return int(box.run(["sbatch", "--parsable", *options, name]).stdout)


def test_a_job_that_died_of_oom_is_resubmitted_with_more_and_completes(
    box: Any, open_app: Open
) -> None:
    job = submit_script(box, "hungry.sh", HUNGRY)
    terminal = open_app("--filter", "hungry")
    terminal.wait_for(rf"{job} +OOM", timeout_s=60)
    terminal.press("r")
    terminal.wait_for(r"Memory a node +60M . 80M", timeout_s=40)
    terminal.wait_for("pre-flight: .*passed", timeout_s=60)
    terminal.press("y")
    terminal.wait_for(r"resubmitted 1 job as (\d+)")
    again = int(re.findall(r"resubmitted 1 job as (\d+)", terminal.text)[0])
    assert shown(box, again)["MinMemoryNode"] == "80M"
    terminal.wait_for(rf"{again} +OOM", timeout_s=60)
    terminal.press("g", "r")  # at once: history may not have the line of the two yet
    terminal.wait_for(r"Memory a node +80M . 160M", timeout_s=40)
    assert "not known for sure" not in terminal.text
    terminal.wait_for("pre-flight: .*passed", timeout_s=60)
    terminal.press("y")
    terminal.wait_for(rf"resubmitted 1 job as (?!{again})(\d+)")
    third = int(re.findall(r"resubmitted 1 job as (\d+)", terminal.text)[0])
    terminal.wait_for(rf"{third} +CD", timeout_s=60)
    assert "--mem=160M" in box.run(["scontrol", "write", "batch_script", str(third), "-"]).stdout
    terminal.press("g", "r")  # it is done
    terminal.wait_for("it did well: this runs it once more")
    terminal.press("n")
    terminal.press("j", "r")  # the one before was sent again
    terminal.wait_for(rf"resubmit: sent again already as {third}")


HALF = """#!/bin/sh
#SBATCH --job-name=half
#SBATCH --mem=5M
#SBATCH --time=2
#SBATCH --output=/dev/null
exit $((SLURM_ARRAY_TASK_ID % 2))
"""


def test_the_failed_half_of_a_thousand_tasks_goes_as_one_array_in_seconds(
    box: Any, open_app: Open
) -> None:
    array = submit_script(box, "half.sh", HALF, "--array=0-999%200")
    try:
        terminal = open_app("--filter", "half")
        terminal.wait_for(rf"{array}_\S+ +F +500F 500CD", timeout_s=240)
        began = time.monotonic()
        terminal.press("r")
        terminal.wait_for("pre-flight: .*passed", timeout_s=60)
        assert "one array of 500 tasks" in terminal.text
        asked = time.monotonic()
        terminal.press("y")
        terminal.wait_for(r"resubmitted 1 job \(500 tasks\) as (\d+)")
        ended = time.monotonic()
        again = re.findall(r"resubmitted 1 job \(500 tasks\) as (\d+)", terminal.text)[0]
        listed = box.run(
            ["squeue", "-h", "-r", "-t", "all", "-j", again, "-o", "%K"]
        ).stdout.split()
        assert {int(one) for one in listed} <= set(range(1, 1000, 2))
        assert "1-999:2" in box.run(["scontrol", "write", "batch_script", again, "-"]).stdout
        seconds = asked - began, ended - asked
        print(f"plan and pre-flight {seconds[0]:.1f} s, sent {seconds[1]:.1f} s")
    finally:
        box.run(["scancel", "--user=alice", "--name=half"], check=False)


PAIR = """#!/bin/sh
#SBATCH --job-name=pair
#SBATCH --mem=60M --time=5
#SBATCH --output=/home/alice/pair-%j.out
#SBATCH hetjob
#SBATCH --mem=61M -n2   # too little
srun --het-group=1 -n1 python3 -c '
x = bytearray(72 << 20)
for at in range(0, len(x), 4096):
    x[at] = 1
import time; time.sleep(float("$1"))' || exit 1
"""


def states(box: Any, job: int) -> list[str]:
    """The states of a heterogeneous job's components."""
    return re.findall(r"JobState=(\S+)", box.run(["scontrol", "show", "job", str(job)]).stdout)


def test_a_heterogeneous_job_is_resubmitted_with_more_for_the_component_that_died(
    box: Any, open_app: Open
) -> None:
    script = PAIR.replace("$1", "2")
    job = submit_script(box, "pair.sh", script, "-n1", ":", "--mem=65M")
    terminal = open_app("--filter", "pair")
    terminal.wait_for(rf"{job}\+\S+ +F", timeout_s=60)
    terminal.press("r")
    terminal.wait_for("component 1", timeout_s=40)
    assert re.search(r"Memory a node +65M . 80M", terminal.text), terminal.text
    assert "component 0" not in terminal.text
    assert "one heterogeneous job of 2 components" in terminal.text
    terminal.wait_for("pre-flight: .*passed", timeout_s=60)
    terminal.press("y")
    terminal.wait_for(r"resubmitted 1 job as (\d+)")
    again = int(re.findall(r"resubmitted 1 job as (\d+)", terminal.text)[0])
    sizes = [shown(box, f"{again}+{at}")["MinMemoryNode"] for at in (0, 1)]
    assert sizes == ["60M", "80M"]
    terminal.wait_until(lambda: states(box, again) == ["COMPLETED"] * 2, timeout_s=60)
    terminal.wait_for(rf"{again}\+\S+ +CD", timeout_s=60)
    terminal.press("g", "j", "r")  # the one before was sent again
    terminal.wait_for(rf"resubmit: sent again already as {again}")


def test_a_heterogeneous_job_that_runs_is_sent_again_after_asking(box: Any, open_app: Open) -> None:
    script = PAIR.replace("72 <<", "20 <<").replace("$1", "300")
    job = submit_script(box, "pair.sh", script, "--job-name=twins")
    again = 0
    try:
        terminal = open_app("--filter", "twins")
        terminal.wait_for(rf"{job}\+\S+ +R", timeout_s=60)
        terminal.press("r")
        terminal.wait_for("it still runs: this is sent beside it", timeout_s=40)
        terminal.wait_for("pre-flight: .*passed", timeout_s=60)
        assert states(box, job) == ["RUNNING"] * 2
        terminal.press("y")
        terminal.wait_for(r"resubmitted 1 job as (\d+)")
        again = int(re.findall(r"resubmitted 1 job as (\d+)", terminal.text)[0])
        names = box.run(["squeue", "-h", "-j", str(again), "-o", "%j"]).stdout.split()
        assert names == ["twins", "twins"]
    finally:
        box.run(["scancel", str(job), *([str(again)] if again else [])], check=False)


def test_a_running_heterogeneous_job_is_replaced_as_a_whole(box: Any, open_app: Open) -> None:
    script = PAIR.replace("72 <<", "20 <<").replace("$1", "300")
    job = submit_script(box, "pair.sh", script, "--job-name=swapped")
    try:
        terminal = open_app("--filter", "swapped")
        terminal.wait_for(rf"{job}\+\S+ +R", timeout_s=60)
        terminal.press("e")
        terminal.wait_for("Memory a node")
        fill(terminal, "Memory a node", "x2")
        terminal.press("enter")
        terminal.wait_for(r"Change 2 jobs\?")
        terminal.press("c")
        terminal.wait_for(r"Cancel \d jobs?\?")
        terminal.wait_for("no log here|its log|The end of the log")
        terminal.wait_quiet(0.5)
        terminal.press("y")
        terminal.wait_for("sent 1 again with the new shape", timeout_s=60)
        terminal.wait_until(lambda: states(box, job) == ["CANCELLED"] * 2)
        listed = box.run(
            ["squeue", "-h", "-n", "swapped", "-t", "PD,R", "-o", "%i %m"]
        ).stdout.split()
        assert sorted(listed[1::2]) == ["120M", "122M"]
        assert len({one.partition("+")[0] for one in listed[::2]}) == 1
    finally:
        box.run(["scancel", "--user=alice", "--name=swapped"], check=False)


def test_a_running_job_is_replaced_by_one_with_another_shape(
    box: Any, open_app: Open, submit: Any
) -> None:
    job = submit("replaced")
    terminal = open_app("--filter", "replaced")
    terminal.wait_for(rf"{job} +R")
    terminal.press("e")
    terminal.wait_for("Memory a node")
    fill(terminal, "Memory a node", "x2")
    terminal.press("enter")
    terminal.wait_for(r"Change 1 job\?")
    terminal.press("c")
    terminal.wait_for(r"Cancel 1 job\?")
    terminal.wait_for("no log here|its log|The end of the log")
    terminal.wait_quiet(0.5)
    terminal.press("y")
    terminal.wait_for("sent 1 again with the new shape", timeout_s=60)
    terminal.wait_until(lambda: shown(box, job)["JobState"] == "CANCELLED")
    listed = box.run(["squeue", "-h", "-n", "replaced", "-t", "PD,R", "-o", "%i %m"]).stdout.split()
    assert listed[1] == "100M" and int(listed[0]) > job
    box.run(["scancel", listed[0]])
