-- Do the books of each partition add up, as last looked at?
SELECT
    topic,
    partition,
    first,
    committed,
    end,
    stored,
    counted,
    duplicates,
    quarantined,
    missing,
    missing_at,
    at
FROM reconciliations
WHERE at = (SELECT at FROM reconciliations ORDER BY at DESC LIMIT 1)
ORDER BY topic, partition
