"""What the file holds, as SQL: one text for each version, carried out in order on an older file.

Texts repeat (names, states, folders), so ``words`` holds each once and other tables its number;
NULL is an empty text, or a figure that nobody said. A version that was released is never edited.
"""

import sqlite3

_VERSION_1 = """
CREATE TABLE words (id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE);
CREATE TABLE jobs (
    id INTEGER PRIMARY KEY,
    site INTEGER NOT NULL,
    job_id INTEGER NOT NULL,
    submit_time INTEGER NOT NULL,
    state INTEGER,
    reason INTEGER,
    start_time INTEGER,
    end_time INTEGER,
    time_limit_s INTEGER,
    name INTEGER,
    user INTEGER,
    account INTEGER,
    partition INTEGER,
    qos INTEGER,
    array_job_id INTEGER,
    array_task_id INTEGER,
    array_tasks INTEGER,
    het_job_id INTEGER,
    het_offset INTEGER,
    priority INTEGER,
    eligible_time INTEGER,
    nodes INTEGER,
    node_list INTEGER,
    tasks INTEGER,
    cpus INTEGER,
    memory_bytes INTEGER,
    gpus INTEGER,
    tres INTEGER,
    dependency INTEGER,
    features INTEGER,
    reservation INTEGER,
    restarts INTEGER,
    exit_code INTEGER,
    work_dir INTEGER,
    comment INTEGER,
    stage INTEGER,
    elapsed_s INTEGER,
    total_cpu_s REAL,
    max_rss_bytes INTEGER,
    derived_exit_code INTEGER,
    gpu_percent REAL,
    gpu_memory_peak_bytes INTEGER,
    over INTEGER NOT NULL,
    last_at INTEGER NOT NULL,
    seen_at INTEGER NOT NULL,
    family INTEGER,
    finding INTEGER,
    campaign INTEGER,
    note TEXT,
    resubmitted_from INTEGER
);
CREATE UNIQUE INDEX jobs_key ON jobs (job_id, site, submit_time);
CREATE INDEX jobs_site ON jobs (site, last_at);
CREATE INDEX jobs_last ON jobs (last_at, site, name, comment, work_dir);
CREATE INDEX jobs_note ON jobs (id) WHERE note IS NOT NULL;
CREATE INDEX jobs_stage ON jobs (stage, last_at);
CREATE INDEX jobs_family ON jobs (family, last_at);
CREATE INDEX jobs_name ON jobs (name, last_at);
CREATE INDEX jobs_state ON jobs (state, last_at);
CREATE INDEX jobs_array ON jobs (array_job_id) WHERE array_job_id IS NOT NULL;
CREATE INDEX jobs_het ON jobs (het_job_id) WHERE het_job_id IS NOT NULL;
CREATE INDEX jobs_campaign ON jobs (campaign, last_at) WHERE campaign IS NOT NULL;
CREATE INDEX jobs_finding ON jobs (finding, last_at) WHERE finding IS NOT NULL;
CREATE INDEX jobs_parent ON jobs (resubmitted_from) WHERE resubmitted_from IS NOT NULL;
CREATE INDEX jobs_open ON jobs (site) WHERE over = 0;
CREATE TABLE usage (
    job INTEGER NOT NULL,
    at INTEGER NOT NULL,
    memory_bytes INTEGER,
    memory_peak_bytes INTEGER,
    cpu_time_s REAL,
    gpu_percent REAL,
    gpu_memory_bytes INTEGER,
    gpu_memory_total_bytes INTEGER,
    gpu_source INTEGER,
    PRIMARY KEY (job, at)
) WITHOUT ROWID;
CREATE TABLE thinning (job INTEGER PRIMARY KEY, due_at INTEGER NOT NULL);
CREATE INDEX thinning_due ON thinning (due_at);
CREATE TABLE findings (
    job INTEGER NOT NULL,
    rank INTEGER NOT NULL,
    label TEXT NOT NULL,
    confidence REAL NOT NULL,
    severity TEXT NOT NULL,
    title TEXT NOT NULL,
    why TEXT NOT NULL,
    fix TEXT NOT NULL,
    fix_class TEXT NOT NULL,
    retry TEXT NOT NULL,
    evidence TEXT NOT NULL,
    rule TEXT NOT NULL,
    found_at INTEGER NOT NULL,
    PRIMARY KEY (job, rank)
) WITHOUT ROWID;
CREATE TABLE tags (
    tag TEXT NOT NULL, job INTEGER NOT NULL, PRIMARY KEY (tag, job)
) WITHOUT ROWID;
CREATE INDEX tags_job ON tags (job);
CREATE TABLE origins (
    site INTEGER NOT NULL,
    job_id INTEGER NOT NULL,
    at INTEGER NOT NULL,
    campaign INTEGER,
    resubmitted_from INTEGER,
    PRIMARY KEY (site, job_id)
) WITHOUT ROWID;
CREATE TABLE acks (key TEXT PRIMARY KEY, at INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
"""

_VERSION_2 = """
CREATE TABLE actions (
    id INTEGER PRIMARY KEY,
    site INTEGER NOT NULL,
    user INTEGER,
    at INTEGER NOT NULL,
    method INTEGER NOT NULL,
    job TEXT,
    job_id INTEGER,
    title INTEGER,
    arguments TEXT,
    before TEXT,
    reason INTEGER,
    batch TEXT,
    undoes INTEGER,
    process INTEGER,
    outcome TEXT NOT NULL,
    answer INTEGER,
    ended_at INTEGER,
    undone_by INTEGER
);
CREATE INDEX actions_site ON actions (site, id);
CREATE INDEX actions_job ON actions (job_id, site) WHERE job_id IS NOT NULL;
CREATE INDEX actions_batch ON actions (batch) WHERE batch IS NOT NULL;
CREATE TABLE scripts (
    id INTEGER PRIMARY KEY,
    hash TEXT NOT NULL UNIQUE,
    is_packed INTEGER NOT NULL,
    content BLOB NOT NULL
);
CREATE TABLE submissions (
    id INTEGER PRIMARY KEY,
    action INTEGER NOT NULL,
    site INTEGER NOT NULL,
    at INTEGER NOT NULL,
    job_id INTEGER,
    name INTEGER,
    script INTEGER NOT NULL,
    script_path INTEGER,
    arguments TEXT NOT NULL,
    shape TEXT NOT NULL,
    script_hash TEXT,
    configuration_hash TEXT,
    git_commit TEXT,
    git_dirty INTEGER,
    request TEXT NOT NULL,
    resubmitted_from TEXT NOT NULL,
    lifted TEXT NOT NULL
);
CREATE INDEX submissions_site ON submissions (site, at);
CREATE INDEX submissions_job ON submissions (job_id, site) WHERE job_id IS NOT NULL;
CREATE INDEX submissions_script ON submissions (script_hash, site);
CREATE INDEX submissions_configuration ON submissions (configuration_hash, site);
"""

MIGRATIONS: tuple[str, ...] = (_VERSION_1, _VERSION_2)
"""Text number N brings a file of version N to N + 1."""

OPEN, OVER, LOST = 0, 1, 2
"""``jobs.over``: waiting or running; it ended; it left the queue and nobody said how it ended."""


def version_of(db: sqlite3.Connection) -> int:
    """The version of an open file; 0 for a new one."""
    (version,) = db.execute("PRAGMA user_version").fetchone()
    return int(version)


def migrate(db: sqlite3.Connection) -> None:
    """Bring a file to the newest version in one transaction, so that no half of it is ever seen.

    Raises sqlite3.Error, after which the file is as it was.
    """
    db.execute("BEGIN IMMEDIATE")
    try:
        for text in MIGRATIONS[version_of(db) :]:  # another jobshape may have been quicker
            for statement in text.split(";"):
                if statement.strip():
                    db.execute(statement)
        db.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise
