-- How many events do the stored offsets of a topic hold? An event counts in the
-- partition of its first copy, by the partition's place in the list that is asked
-- for and the offset: both are packed into one number, so that the smallest is
-- found fast. Copies of an event are neighbours in the table, which is therefore
-- read in order, in bounded memory.
SELECT
    {partitions:Array(Int32)}[bitShiftRight(place, 48) + 1] AS partition,
    toInt64(count()) AS counted
FROM
(
    SELECT min(bitOr(bitShiftLeft(transform(partition, {partitions:Array(Int32)}, {places:Array(UInt64)}, toUInt64(65535)), 48), toUInt64(offset))) AS place
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
