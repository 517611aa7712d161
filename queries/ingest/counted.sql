-- How many events do the stored offsets of a topic hold? An event counts in the
-- partition of its first copy, by partition and offset. contents is the number
-- of different rows: more than there are offsets means that an offset holds two.
-- Copies of an event are neighbours in the table, so it is read in order, in
-- bounded memory.
SELECT
    place.1 AS partition,
    toInt64(count()) AS contents,
    toInt64(countIf(n = 1)) AS counted
FROM
(
    SELECT arraySort(groupUniqArray((partition, offset, content_hash))) AS places
    FROM {table:Identifier}
    WHERE offset < transform(partition, {partitions:Array(Int32)}, {committed:Array(Int64)}, toInt64(0))
    GROUP BY
        subject,
        day,
        source,
        id
)
ARRAY JOIN
    places AS place,
    arrayEnumerate(places) AS n
GROUP BY partition
SETTINGS optimize_aggregation_in_order = 1
