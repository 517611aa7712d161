-- What did the last reconciliation find?
SELECT
    at,
    topic,
    partition,
    first,
    committed,
    end,
    stored,
    counted,
    duplicates,
    quarantined,
    gone,
    missing,
    missing_at
FROM reconciliations
WHERE at = (SELECT max(at) FROM reconciliations)
ORDER BY
    topic,
    partition
