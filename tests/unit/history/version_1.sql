-- A file of version 1 as that version made it; never edited.
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

INSERT INTO words VALUES (1,'box'),(2,'train_1'),(3,'OUT_OF_MEMORY'),(4,'training'),(5,'train_#'),(6,'oom_host');
INSERT INTO jobs (id, site, job_id, submit_time, state, name, stage, family, start_time, end_time, elapsed_s, max_rss_bytes, over, last_at, seen_at, finding, note)
VALUES (1, 1, 12, 1000, 3, 2, 4, 5, 1100, 1200, 100, 1073741824, 1, 1200, 1200, 6, 'a note');
INSERT INTO usage (job, at, memory_bytes) VALUES (1, 1150, 5), (1, 1160, 6);
INSERT INTO findings VALUES (1, 0, 'oom_host', 0.9, 'HIGH', 't', 'w', 'f', 'raise_memory', 'yes', '[["stderr", "", 3, "Killed"]]', 'core', 1300);
INSERT INTO tags VALUES ('old', 1);
INSERT INTO acks VALUES ('12:oom', 7);
INSERT INTO facts VALUES ('x', 'y');
PRAGMA user_version = 1;
