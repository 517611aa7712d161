-- Which offsets of a topic are stored? A row for each partition and block of
-- 65,536 offsets that has any. A block is a bitmap of at most 8 KiB, so memory
-- does not grow with copies and hardly with what is stored. Of a block, below
-- the committed offset: offsets with an event, the rows that hold them, offsets
-- with a quarantined message, with either; and above it: those in flight, and
-- those beyond the log's end. largest is the last one that is stored at all.
SELECT
    partition,
    intDiv(offset, 65536) AS block,
    min(offset) AS smallest,
    max(offset) AS largest,
    toInt64(groupBitmapIf(place, done AND is_event)) AS stored,
    toInt64(countIf(done AND is_event)) AS event_rows,
    toInt64(groupBitmapIf(place, done AND NOT is_event)) AS quarantined,
    toInt64(groupBitmapIf(place, done)) AS known,
    toInt64(groupBitmapIf(place, NOT done)) AS in_flight,
    toInt64(groupBitmapIf(place, beyond)) AS beyond_end
FROM
(
    SELECT
        partition,
        offset,
        is_event,
        toUInt32(offset % 65536) AS place,
        offset < transform(partition, {partitions:Array(Int32)}, {committed:Array(Int64)}, toInt64(0)) AS done,
        offset >= transform(partition, {partitions:Array(Int32)}, {ends:Array(Int64)}, toInt64(0)) AS beyond
    FROM
    (
        SELECT
            partition,
            offset,
            true AS is_event
        FROM {table:Identifier}
        UNION ALL
        SELECT
            partition,
            offset,
            false AS is_event
        FROM quarantine
        WHERE topic = {topic:String}
    )
)
GROUP BY
    partition,
    block
ORDER BY
    partition,
    block
