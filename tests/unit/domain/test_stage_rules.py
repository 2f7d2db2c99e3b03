"""Stage rules."""

from jobshape.app.domain.job import NO_JOB
from jobshape.app.domain.stage_rules import StageRules

RULES = [
    {"stage": "training", "name": "^train", "partition": "gpu"},
    {"stage": "eval", "comment": r"stage=eval\b"},
    {"stage": "caching", "work_dir": "/cache$"},
    {"stage": "odd", "name": "^train"},
]


def test_the_first_rule_that_fits_wins_and_all_its_patterns_must() -> None:
    stage_of = StageRules(RULES).stage_of
    assert stage_of(NO_JOB._replace(name="train_a", partition="gpu")) == "training"
    assert stage_of(NO_JOB._replace(name="train_a", partition="cpu")) == "odd"
    assert stage_of(NO_JOB._replace(name="x", comment="a;stage=eval;b")) == "eval"
    assert stage_of(NO_JOB._replace(name="x", work_dir="/home/a/cache")) == "caching"


def test_no_rule_means_unassigned_never_a_guess() -> None:
    assert StageRules(RULES).stage_of(NO_JOB._replace(name="retrain")) == "unassigned"
    assert StageRules().stage_of(NO_JOB._replace(name="train")) == "unassigned"


def test_bad_rules_are_told_and_the_others_work() -> None:
    rules = StageRules(
        [
            {"stage": "a", "name": "("},
            {"name": "x"},
            {"stage": "b"},
            {"stage": "c", "user": "alice"},
            {"stage": "training", "name": "^train"},
        ]
    )
    assert [problem.split(":")[0] for problem in rules.problems] == [
        f"stage rule {n}" for n in (1, 2, 3, 4)
    ]
    assert "user" in rules.problems[3]
    assert rules.stage_of(NO_JOB._replace(name="train")) == "training"
