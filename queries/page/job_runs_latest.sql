-- Which jobs ran last, and how did they end?
SELECT
    job,
    at,
    started_at AS started,
    ifNull(ended_at, toDateTime64(0, 6, 'UTC')) AS ended,
    outcome,
    error
FROM job_runs FINAL
ORDER BY started_at DESC, job
LIMIT {limit:UInt32}
