-- Of the events that counted.sql counts, which bear an identity (source, id) that
-- was already counted, because its other copies stand under another subject or
-- day? A row for each partition. Only identities with several contents are looked
-- at; they are known from the table of identities.
WITH conflicting AS
(
    SELECT identity
    FROM identities
    WHERE topic = {topic:String}
    GROUP BY identity
    HAVING uniqExact(content_hash) > 1
    SETTINGS optimize_aggregation_in_order = 1
)
SELECT
    place.1 AS partition,
    toInt64(count()) AS repeated
FROM
(
    SELECT
        sipHash128(source, id) AS identity,
        min((partition, offset)) AS place,
        row_number() OVER (PARTITION BY identity ORDER BY place) AS n
    FROM {table:Identifier}
    WHERE offset < transform(partition, {partitions:Array(Int32)}, {committed:Array(Int64)}, toInt64(0))
        AND (subject, sipHash128(source, id)) IN
        (
            SELECT
                subject,
                identity
            FROM identities
            WHERE topic = {topic:String}
                AND identity IN (SELECT identity FROM conflicting)
        )
    GROUP BY
        source,
        id,
        subject,
        day
)
WHERE n > 1
GROUP BY partition
