-- Which offsets of a topic hold an event and a quarantined message at once?
SELECT DISTINCT
    partition,
    offset
FROM {table:Identifier}
WHERE (partition, offset) IN
    (
        SELECT
            partition,
            offset
        FROM quarantine
        WHERE topic = {topic:String}
    )
ORDER BY
    partition,
    offset
LIMIT 100 BY partition
