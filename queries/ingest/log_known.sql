-- What is known of the partitions of one log of a topic: where they began, what was
-- committed and where they ended when the books were last made, and what is stored
-- of them? -1: not known.
SELECT
    partition,
    minIf(first, first >= 0) AS first,
    max(committed) AS committed,
    max(end) AS end
FROM
(
    SELECT
        partition,
        first,
        committed,
        end
    FROM reconciliations
    WHERE topic = {topic:String}
        AND partition >= {least:Int32}
        AND partition < {least:Int32} + 10000
    UNION ALL
    SELECT
        partition,
        min(offset),
        -1,
        max(offset) + 1
    FROM
    (
        SELECT
            partition,
            offset
        FROM arrivals
        WHERE topic = {topic:String}
            AND partition >= {least:Int32}
            AND partition < {least:Int32} + 10000
        UNION ALL
        SELECT
            partition,
            offset
        FROM quarantine
        WHERE topic = {topic:String}
            AND partition >= {least:Int32}
            AND partition < {least:Int32} + 10000
    )
    GROUP BY partition
)
GROUP BY partition
ORDER BY partition
