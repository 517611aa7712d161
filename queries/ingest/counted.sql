-- How many events do the stored offsets of a topic hold? An event counts in the
-- partition of its first copy, by partition and offset: both are packed into one
-- number, so that the smallest is found fast. Copies of an event are neighbours
-- in the table, which is therefore read in order, in bounded memory.
SELECT
    toInt32(bitShiftRight(place, 48)) AS partition,
    toInt64(count()) AS counted
FROM
(
    SELECT min(bitOr(bitShiftLeft(toUInt64(partition), 48), toUInt64(offset))) AS place
    FROM {table:Identifier}
    WHERE offset < transform(partition, {partitions:Array(Int32)}, {committed:Array(Int64)}, toInt64(0))
    GROUP BY
        subject,
        day,
        source,
        id
)
GROUP BY partition
SETTINGS optimize_aggregation_in_order = 1
