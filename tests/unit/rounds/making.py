"""Manifests for the tests."""

from pathlib import Path

from jobshape.app.rounds.reading import ManifestFile, read_text

PATH = Path("jobshape.yaml")

TEACHER_STUDENT = """\
# A teacher for each size; students learn from the one of theirs.
project: distill
stages:
  - name: teacher
    command: [python, train.py]     # what runs
    shape: {memory: 12G, time: 2:30:00, gpus: a100:2, cpus: 4}
  - name: student
    script: student.sh
    shape: {memory: 4G, time: 1:00:00, gpus: 1}
phases:
  - name: students                  # written first, runs second
    stage: student
    depends_on: [teachers]
    max_parallel: 2
    grid:
      parameters:
        size: [small, large]
        seed: [0, 1, 2]
      template:
        id: student-${size}-${seed}
        args: [--seed, "${seed}", --out, "out/${id}"]
        preconditions:
          - checkpoint: out/teacher-${size}/*.ckpt
        output_check:
          file: out/${id}/metrics.json
          json:
            - {file: "out/${id}/metrics.json", path: loss, below: 2.0}
  - name: teachers
    stage: teacher
    jobs:
      - {id: teacher-small, args: [--lr, 1e-3, --resume, no]}
      - {id: teacher-large, args: [--lr, 1e-4], shape: {memory: 16G}}
smoke:
  options: {--seed: 7}
  arguments: [--short]
  variables: {OUT: "smoke/${id}"}
  partition: smoke
  shape: {time: 5}
"""


def manifest_of(text: str) -> ManifestFile:
    return read_text(text, PATH)


def small(phases: str, stages: str = "[{name: s, command: [run]}]", rest: str = "") -> ManifestFile:
    """A manifest of phases alone."""
    return manifest_of(f"project: p\nstages: {stages}\nphases:\n{phases}\n{rest}\n")
