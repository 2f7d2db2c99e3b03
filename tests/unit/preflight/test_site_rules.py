"""Rules on what a site has and allows: each one content, and each one not."""

from __future__ import annotations

from dataclasses import replace

import pytest
from jobshape.app.domain.limits import Association, Limits, SiteLimits
from jobshape.app.domain.site_facts import SiteFacts
from jobshape.app.domain.units import GIB
from jobshape.app.preflight.facts import Facts

from .builders import FACTS, SITE, judge, refused, script, subject, the

NO_SITE = Facts(site_trouble="no answer within 45 s")
PARTS = ("partitions", "nodes", "limits", "queue", "start")
EVERY_PART_OUT = Facts(site=SiteFacts(troubles=dict.fromkeys(PARTS, "slow")))


def told(rule: str, *options: str, facts: Facts = FACTS) -> tuple[str, str, int | None]:
    line = the(rule, *options, facts=facts)
    return line.verdict, line.title, line.line


# --- partition, QOS, account ----------------------------------------------------------------


def test_a_partition_that_is_up_and_open() -> None:
    assert told("partition", "-p main") == ("pass", "partition main is up and open to you", 2)
    assert told("partition") == ("pass", "partition main is up and open to you", None)


def test_a_partition_that_nobody_knows() -> None:
    line = the("partition", "--time=5", "--partition=mian", facts=refused("Invalid partition"))
    assert (line.verdict, line.title, line.line) == ("block", "no partition mian", 3)
    assert line.fix == "did you mean main?"


def test_a_site_without_a_default_partition() -> None:
    (first, *rest) = SITE.partitions or ()
    facts = replace(FACTS, site=replace(SITE, partitions=(first._replace(is_default=False), *rest)))
    line = the("partition", facts=facts)
    assert line.verdict == "block" and "main" in line.fix


@pytest.mark.parametrize(("name", "verdict"), [("off", "warn"), ("drained", "block")])
def test_a_partition_that_is_not_up(name: str, verdict: str) -> None:
    assert told("partition", f"-p {name}")[0] == verdict


@pytest.mark.parametrize(
    ("options", "title"),
    [
        (["-p bio", "--qos=high"], "partition bio does not allow account physics"),
        (["-p bio", "-A biology", "--qos=normal"], "partition bio does not allow QOS normal"),
        (["-p staff"], "partition staff is not open to your groups"),
    ],
)
def test_a_partition_that_lets_others_in(options: list[str], title: str) -> None:
    line = the("partition", *options, facts=refused("not permitted"))
    assert (line.verdict, line.title) == ("block", title)
    taken = the("partition", *options)  # the site itself took it, which counts for more
    assert taken.verdict == "warn" and "take it all the same" in taken.why


def test_of_several_partitions_each_is_looked_at() -> None:
    lines = judge("partition", subject("-p main,gup"), refused("x"))
    assert [(one.verdict, one.title) for one in lines] == [
        ("block", "no partition gup"), ("pass", "partition main is up and open to you"),
    ]  # fmt: skip


def test_qos() -> None:
    facts = refused("Invalid qos")
    assert told("qos", "--qos=high", facts=facts)[0] == "pass"
    assert told("qos", facts=facts)[0] == "pass"
    assert told("qos", "-q hihg", facts=facts) == ("block", "no QOS hihg", 2)
    line = the("qos", "--qos=root", facts=facts)
    assert (line.verdict, line.why) == ("block", "account physics may use normal, high")
    assert the("qos", "--qos=normal", "-A chemistry", facts=facts).verdict == "block"


def test_account() -> None:
    assert told("account", "-A chemistry")[0] == "pass"
    assert told("account")[0] == "pass"
    line = the("account", "-A chemystry", facts=refused("Invalid account"))
    assert (line.verdict, line.title) == ("block", "you are not in account chemystry")
    assert line.fix == "did you mean chemistry?"


def test_a_site_that_tells_no_accounts_is_no_pass() -> None:
    facts = replace(FACTS, site=replace(SITE, limits=SiteLimits(problem="slurmdbd is down")))
    for rule, option in (("qos", "--qos=high"), ("account", "-A physics")):
        line = the(rule, option, facts=facts)
        assert (line.verdict, line.why) == ("skip", "slurmdbd is down")


# --- GPUs, walltime, memory, nodes ----------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "verdict", "title"),
    [
        (["-p gpu", "--gres=gpu:a100:2"], "pass", "partition gpu has GPUs of type a100"),
        (["-p gpu", "--gpus-per-node=a100:1"], "pass", "partition gpu has GPUs of type a100"),
        (["-p gpu", "--gres=gpu:2"], "pass", "no type of GPU is named"),
        (["-p gpu", "--gres=gpu:h100:1"], "block", "no GPU of type h100 in partition gpu"),
        (["-p gpu", "--gpus=h100:4"], "block", "no GPU of type h100 in partition gpu"),
        (["-p main", "--gres=gpu:a100"], "block", "no GPU of type a100 in partition main"),
        (["-p gpu", "--gres=gpu:v100:1"], "warn", "no node with v100 can be used now"),
        (["-p nix", "--gres=gpu:h100:1"], "block", "no GPU of type h100 in any partition"),
    ],
)
def test_gpu_type(options: list[str], verdict: str, title: str) -> None:
    line = the("gpu_type", *options)
    assert (line.verdict, line.title) == (verdict, title)


def test_a_type_that_was_changed_for_this_time_counts_and_has_no_line() -> None:
    line = the("gpu_type", "-p gpu", "--gres=gpu:a100:1", gpus="h100:1")
    assert (line.verdict, line.line) == ("block", None)


@pytest.mark.parametrize(
    ("options", "verdict", "title"),
    [
        (["--time=1:00:00"], "pass", "walltime 01:00:00 is within the limits"),
        ([], "pass", "no walltime is asked for: it gets 01:00:00"),
        (["-p smoke", "--time=11"], "block",
         "walltime 00:11:00 is above the limit of partition smoke"),
        (["--time=UNLIMITED"], "block", "walltime UNLIMITED is above the limit of partition main"),
        (["--time=13:00:00"], "block", "walltime 13:00:00 is above the limit of QOS normal"),
        (["--time=13:00:00", "-q high"], "block",
         "walltime 13:00:00 is above the limit of account physics"),
        (["--time=13:00:00", "-A chemistry"], "pass", "walltime 13:00:00 is within the limits"),
        (["-p smoke,main", "--time=1:00:00"], "warn",
         "walltime 01:00:00 is above the limit of partition smoke,main"),
        (["-p nix", "--time=9-00"], "block",
         "walltime 9-00:00:00 is above the limit of any partition"),
        (["-p nix", "--time=1:00:00"], "skip", "walltime not compared"),
    ],
)  # fmt: skip
def test_walltime(options: list[str], verdict: str, title: str) -> None:
    line = the("walltime", *options)
    assert (line.verdict, line.title) == (verdict, title)


def test_a_walltime_that_is_too_long_names_what_takes_it() -> None:
    line = the("walltime", "--time=36:00:00", "-A chemistry")
    assert line.fix == "--time=1-00:00:00, or a longer partition: gpu"
    assert line.why.startswith("the longest: main 1-00:00:00; the site takes such a job")
    assert "for good" not in the("walltime", "-p gpu", "--time=50:00:00").why


@pytest.mark.parametrize(
    ("options", "verdict"),
    [
        (["--mem=9G"], "block"),  # the account's
        (["--mem=9G", "-q high"], "pass"),  # the QOS sets one, so the account's does not count
        (["--mem=33G", "-q high"], "block"),  # the partition's
        (["--mem=33G", "-q high", "-p main,smoke"], "pass"),  # it may go to the other one
        (["--mem=60G", "-q high", "-p smoke", "-N 2"], "block"),  # 100G over two nodes
    ],
)
def test_memory_is_bounded_as_the_form_says(options: list[str], verdict: str) -> None:
    own = Association("physics", qos=("high",), limits=Limits("physics", memory_bytes=8 * GIB))
    limits = SiteLimits(
        partitions=(Limits("main", node_memory_bytes=32 * GIB), Limits("smoke")),
        qos=(Limits("high", memory_bytes=100 * GIB),),
        associations=(own,), default_account="physics",
    )  # fmt: skip
    facts = replace(FACTS, site=replace(SITE, limits=limits))
    assert the("memory", *options, facts=facts).verdict == verdict


@pytest.mark.parametrize(
    ("options", "verdict", "title"),
    [
        (["--mem=100G"], "pass", "memory 100G a node fits into n2"),
        (["--mem=0"], "pass", "all memory of the node"),
        ([], "pass", "the default memory of the site"),
        (["--mem=200G"], "block", "memory 200G a node is above 128G"),  # the account's
        (["-A chemistry", "--mem=300G"], "block", "memory 300G a node is above 256G"),
        (["-A chemistry", "-p gpu", "--mem=505G"], "block", "memory 505G a node is above 500G"),
        (["--mem-per-cpu=20G", "-c 8"], "block", "memory 160G a node is above 128G"),
        (["-p nix", "--mem=1G"], "skip", "memory not compared"),
    ],
)
def test_memory(options: list[str], verdict: str, title: str) -> None:
    line = the("memory", *options)
    assert (line.verdict, line.title) == (verdict, title)


@pytest.mark.parametrize(
    ("options", "verdict"),
    [
        (["--gres=gpu:2", "--mem=32G"], "pass"),
        (["--gres=gpu:2", "--mem=33G"], "block"),
        (["--gres=gpu:1", "--mem-per-gpu=17G"], "block"),
        (["--gpus=4", "--mem-per-gpu=4G"], "pass"),
        (["--gres=gpu:1"], "skip"),
        (["--gres=none", "--mem=99G"], "pass"),
        (["--mem=99G"], "pass"),
        (["--gpus-per-task=1", "--ntasks=3", "-N 2", "--mem=1G"], "skip"),
    ],
)
def test_memory_per_gpu(options: list[str], verdict: str) -> None:
    assert the("memory_per_gpu", *options).verdict == verdict


def test_much_memory_per_gpu_can_be_justified() -> None:
    line = the("memory_per_gpu", "--gres=gpu:1", "--mem=64G")
    assert (line.verdict, line.line) == ("block", 3)
    assert "ask for 16G" in line.fix and "# JUSTIFIED: reason" in line.fix
    text = script("--gres=gpu:1", "--mem=64G").replace(
        "srun", "# JUSTIFIED: the index has 50 GiB\nsrun"
    )
    (line,) = judge("memory_per_gpu", subject(text=text))
    assert line.verdict == "pass" and "the index has 50 GiB" in line.title


@pytest.mark.parametrize(
    ("options", "verdict", "title"),
    [
        (["--cpus-per-task=16"], "pass", "2 nodes of main can hold it"),
        (["--cpus-per-task=17"], "block", "no node of main can hold it"),
        (["-N 3"], "block", "no 3 nodes of main can hold it"),
        (["-n 40", "-N 2"], "block", "no 2 nodes of main can hold it"),
        (["-n 40"], "pass", "2 nodes of main can hold it"),
        (["-p main,gpu", "-c 40"], "pass", "1 node of gpu can hold it"),
        (["-p gpu", "--gres=gpu:5"], "block", "no node of gpu can hold it"),
        (["-p gpu", "-N 2", "--gres=gpu:2"], "warn", "only 1 fitting nodes of gpu can be used now"),
        (["-C big"], "pass", "1 node of main can hold it"),
        (["-C big&gold"], "block", "no node of main can hold it"),
        (["-x n1"], "pass", "1 node of main can hold it"),
        (["-p nix"], "skip", "nodes not compared"),
    ],
)
def test_nodes_fit(options: list[str], verdict: str, title: str) -> None:
    line = the("nodes_fit", *options)
    assert (line.verdict, line.title) == (verdict, title)


def test_what_the_nodes_lack_is_named_with_its_line() -> None:
    line = the("nodes_fit", "--time=5", "-c 17")
    assert "lack 17 CPUs" in line.why and line.line == 3


# --- the site's own word --------------------------------------------------------------------


def test_the_site_takes_it() -> None:
    line = the("site_accepts")
    assert line.verdict == "pass" and "on n1" in line.why


def test_the_site_refuses_it_in_its_own_words_at_the_line_concerned() -> None:
    line = the("site_accepts", "-n 1", "--qos=nix", facts=refused("sbatch: error: Invalid qos"))
    assert (line.verdict, line.why, line.line) == ("block", "sbatch: error: Invalid qos", 3)


@pytest.mark.parametrize("facts", [NO_SITE, EVERY_PART_OUT], ids=["no answer", "parts missing"])
def test_what_the_site_does_not_say_is_skipped_with_the_reason_and_never_a_pass(
    facts: Facts,
) -> None:
    why = facts.site_trouble or "slow"
    asked = subject("-p main", "-q high", "-A physics", "--gres=gpu:a100:1", "--mem=1G", "--time=5")
    for rule in ("partition", "qos", "account", "gpu_type", "walltime", "memory", "nodes_fit",
                 "duplicate", "in_flight", "site_accepts"):  # fmt: skip
        (line,) = judge(rule, asked, facts)
        assert (line.verdict, line.why) == ("skip", why), rule


def test_components_of_a_heterogeneous_job_are_judged_each() -> None:
    text = script("-p main --mem=1G", "hetjob", "-p mian --mem=900G")
    lines = judge("partition", subject(text=text), refused("x"))
    assert [(one.verdict, one.title, one.line) for one in lines] == [
        ("pass", "component 0: partition main is up and open to you", 2),
        ("block", "component 1: no partition mian", 4),
    ]
