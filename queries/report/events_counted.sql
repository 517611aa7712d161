-- How many different events of a topic happened up to an instant? A repeated
-- delivery counts once. Grouped in the order of the table, in little memory.
SELECT count() AS n
FROM
(
    SELECT subject
    FROM {table:Identifier}
    WHERE time <= {as_of:DateTime64(6, 'UTC')}
        AND NOT test
    GROUP BY subject, day, source, id, content_hash
    SETTINGS optimize_aggregation_in_order = 1
)
