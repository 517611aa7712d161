-- How far has the live edition been folded?
SELECT
    run,
    as_of,
    arrayMap(o -> o.1, offsets) AS topics,
    arrayMap(o -> o.2, offsets) AS partitions,
    arrayMap(o -> o.3, offsets) AS nexts,
    policy,
    reported
FROM fold_runs
ORDER BY run DESC
LIMIT 1
