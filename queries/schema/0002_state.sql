-- State: what the fold makes of the events of one subject. A row per window
-- that the subject belongs to (its anchor), ordered by the window's day; a moved
-- deadline deletes the old row. All of it is derived and can be rebuilt.
-- edition: 'live', or one made for a past as_of and dropped after use.
CREATE TABLE IF NOT EXISTS cases
(
    edition        LowCardinality(String),
    anchor         LowCardinality(String),
    day            Date COMMENT 'Beijing day of the window',
    subject        String,
    version        UInt64 COMMENT 'fold run that wrote the row',
    is_deleted     UInt8,
    source         LowCardinality(String),
    region         LowCardinality(String),
    outlet         LowCardinality(String),
    product        LowCardinality(String),
    channel        LowCardinality(String),
    direction      LowCardinality(String),
    customer_type  LowCardinality(String),
    customer_tier  LowCardinality(String),
    special_need   LowCardinality(String),
    area_type      LowCardinality(String),
    linked         Array(LowCardinality(String)) COMMENT 'dimensions taken from the linked case',
    due_at         Nullable(DateTime64(6, 'UTC')) COMMENT 'last instant that is in time',
    done_at        Nullable(DateTime64(6, 'UTC')),
    open           Bool COMMENT 'the window still runs',
    paused         Bool,
    undetermined   Bool COMMENT 'the calendar of the due date is not known',
    unknown        Bool,
    excluded       LowCardinality(String) COMMENT 'reason, or empty',
    state          LowCardinality(String),
    outcome        LowCardinality(String),
    steps          Array(LowCardinality(String)),
    flags          Array(LowCardinality(String)),
    first_event_at DateTime64(6, 'UTC'),
    last_event_at  DateTime64(6, 'UTC'),
    submitted_at   Nullable(DateTime64(6, 'UTC')),
    accepted_at    Nullable(DateTime64(6, 'UTC')),
    promised_at    Nullable(DateTime64(6, 'UTC')) COMMENT 'as first given',
    delivered_at   Nullable(DateTime64(6, 'UTC')),
    ended_at       Nullable(DateTime64(6, 'UTC')) COMMENT 'first end: delivered or ended'
)
ENGINE = ReplacingMergeTree(version, is_deleted)
PARTITION BY (edition, toYear(day))
ORDER BY (edition, anchor, day, subject);

CREATE TABLE IF NOT EXISTS tickets
(
    edition         LowCardinality(String),
    anchor          LowCardinality(String),
    day             Date COMMENT 'Beijing day of the window',
    subject         String,
    version         UInt64 COMMENT 'fold run that wrote the row',
    is_deleted      UInt8,
    source          LowCardinality(String),
    region          LowCardinality(String),
    outlet          LowCardinality(String),
    product         LowCardinality(String),
    channel         LowCardinality(String),
    direction       LowCardinality(String),
    customer_type   LowCardinality(String),
    customer_tier   LowCardinality(String),
    special_need    LowCardinality(String),
    area_type       LowCardinality(String),
    linked          Array(LowCardinality(String)) COMMENT 'dimensions taken from the linked case',
    due_at          Nullable(DateTime64(6, 'UTC')) COMMENT 'last instant that is in time',
    done_at         Nullable(DateTime64(6, 'UTC')),
    open            Bool COMMENT 'the window still runs',
    paused          Bool,
    undetermined    Bool COMMENT 'the calendar of the due date is not known',
    unknown         Bool,
    excluded        LowCardinality(String) COMMENT 'reason, or empty',
    state           LowCardinality(String),
    outcome         LowCardinality(String),
    steps           Array(LowCardinality(String)),
    flags           Array(LowCardinality(String)),
    first_event_at  DateTime64(6, 'UTC'),
    last_event_at   DateTime64(6, 'UTC'),
    kind            LowCardinality(String),
    category        LowCardinality(String),
    severity        LowCardinality(String),
    validity        LowCardinality(String),
    unit            LowCardinality(String),
    case_id         String,
    duplicate_of    String,
    received_at     Nullable(DateTime64(6, 'UTC')),
    accepted_at     Nullable(DateTime64(6, 'UTC')),
    responded_at    Nullable(DateTime64(6, 'UTC')),
    investigated_at Nullable(DateTime64(6, 'UTC')),
    resolved_at     Nullable(DateTime64(6, 'UTC')),
    replied_at      Nullable(DateTime64(6, 'UTC')),
    withdrawn_at    Nullable(DateTime64(6, 'UTC')),
    closed_at       Nullable(DateTime64(6, 'UTC'))
)
ENGINE = ReplacingMergeTree(version, is_deleted)
PARTITION BY (edition, toYear(day))
ORDER BY (edition, anchor, day, subject);

CREATE TABLE IF NOT EXISTS surveys
(
    edition        LowCardinality(String),
    anchor         LowCardinality(String),
    day            Date COMMENT 'Beijing day of the window',
    subject        String,
    version        UInt64 COMMENT 'fold run that wrote the row',
    is_deleted     UInt8,
    source         LowCardinality(String),
    region         LowCardinality(String),
    outlet         LowCardinality(String),
    product        LowCardinality(String),
    channel        LowCardinality(String),
    direction      LowCardinality(String),
    customer_type  LowCardinality(String),
    customer_tier  LowCardinality(String),
    special_need   LowCardinality(String),
    area_type      LowCardinality(String),
    linked         Array(LowCardinality(String)) COMMENT 'dimensions taken from the linked case',
    due_at         Nullable(DateTime64(6, 'UTC')) COMMENT 'last instant that is in time',
    done_at        Nullable(DateTime64(6, 'UTC')),
    open           Bool COMMENT 'the window still runs',
    paused         Bool,
    undetermined   Bool COMMENT 'the calendar of the due date is not known',
    unknown        Bool,
    excluded       LowCardinality(String) COMMENT 'reason, or empty',
    state          LowCardinality(String),
    outcome        LowCardinality(String),
    steps          Array(LowCardinality(String)),
    flags          Array(LowCardinality(String)),
    first_event_at DateTime64(6, 'UTC'),
    last_event_at  DateTime64(6, 'UTC'),
    instrument     LowCardinality(String),
    wave           LowCardinality(String),
    case_id        String,
    ticket_id      String,
    invited_at     Nullable(DateTime64(6, 'UTC')),
    answered_at    Nullable(DateTime64(6, 'UTC')),
    score          Nullable(Float64) COMMENT 'overall item, in its own scale',
    score_min      Nullable(Float64),
    score_max      Nullable(Float64),
    weight         Float64
)
ENGINE = ReplacingMergeTree(version, is_deleted)
PARTITION BY (edition, toYear(day))
ORDER BY (edition, anchor, day, subject);

-- A subject's place in the state tables and what others take from it.
CREATE TABLE IF NOT EXISTS subjects
(
    edition       LowCardinality(String),
    base          LowCardinality(String) COMMENT 'cases, tickets, surveys',
    subject       String,
    version       UInt64 COMMENT 'fold run that wrote the row',
    keys          Array(Tuple(LowCardinality(String), Date)) COMMENT 'anchor and day of its rows',
    stale_keys    Array(Tuple(LowCardinality(String), Date)) COMMENT 'those before this run',
    parents       Array(Tuple(LowCardinality(String), String)) COMMENT 'base and subject it takes from',
    stale_parents Array(Tuple(LowCardinality(String), String)) COMMENT 'those before this run',
    region        LowCardinality(String),
    outlet        LowCardinality(String),
    product       LowCardinality(String),
    channel       LowCardinality(String),
    direction     LowCardinality(String),
    customer_type LowCardinality(String),
    customer_tier LowCardinality(String),
    special_need  LowCardinality(String),
    area_type     LowCardinality(String),
    received_at   Nullable(DateTime64(6, 'UTC')) COMMENT 'tickets: own, before a merge',
    duplicate_of  String
)
ENGINE = ReplacingMergeTree(version)
PARTITION BY edition
ORDER BY (edition, base, subject);

-- Who takes something from whom: a ticket from its case, a survey from its
-- case or ticket, a ticket from those merged into it.
CREATE TABLE IF NOT EXISTS links
(
    edition     LowCardinality(String),
    parent_base LowCardinality(String),
    parent      String,
    base        LowCardinality(String),
    subject     String,
    version     UInt64,
    is_deleted  UInt8
)
ENGINE = ReplacingMergeTree(version, is_deleted)
PARTITION BY edition
ORDER BY (edition, parent_base, parent, base, subject);

-- Events dated after the as_of of their fold: the subject is folded again then.
CREATE TABLE IF NOT EXISTS wakeups
(
    edition LowCardinality(String),
    at      DateTime64(6, 'UTC'),
    base    LowCardinality(String),
    subject String
)
ENGINE = ReplacingMergeTree
PARTITION BY edition
ORDER BY (edition, at, base, subject);

-- Events of one identity with different content. The lowest hash counts, of all
-- that the identities table holds by the time of the question.
CREATE TABLE IF NOT EXISTS conflicts
(
    topic        LowCardinality(String),
    subject      String,
    identity     FixedString(16),
    content_hash FixedString(16),
    version      UInt64 COMMENT 'fold run that found it'
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (topic, subject, identity, content_hash);

-- What a fold run has to fold; kept until the run is completed, so that a run
-- cut off by a crash is done again over at least the same subjects.
CREATE TABLE IF NOT EXISTS touched
(
    edition LowCardinality(String),
    run     UInt64,
    base    LowCardinality(String),
    subject String
)
ENGINE = ReplacingMergeTree
PARTITION BY (edition, run)
ORDER BY (edition, run, base, subject);

-- How far the live edition has folded: a row per completed run.
CREATE TABLE IF NOT EXISTS fold_runs
(
    run        UInt64,
    as_of      DateTime64(6, 'UTC'),
    offsets    Array(Tuple(topic String, partition Int32, next Int64)) COMMENT 'first offset not folded',
    subjects   UInt64,
    policy     String COMMENT 'versions of policy, calendar and catalogue',
    reported   String COMMENT 'which steps are reported, as hash'
)
ENGINE = MergeTree
ORDER BY run;
