-- Which offsets of a topic hold two different events? Only blocks of 65,536 offsets
-- with more rows than offsets are looked at: mostly those of rows that were
-- inserted again, of which ClickHouse has not dropped the second yet.
SELECT
    partition,
    offset
FROM {table:Identifier}
WHERE (partition, intDiv(offset, 65536)) IN
    (
        SELECT
            place.1,
            place.2
        FROM
        (
            SELECT arrayJoin(arrayZip({partitions:Array(Int32)}, {blocks:Array(Int64)})) AS place
        )
    )
    AND offset < transform(partition, {done_partitions:Array(Int32)}, {committed:Array(Int64)}, toInt64(0))
GROUP BY
    partition,
    offset
HAVING uniqExact(subject, day, source, id, content_hash) > 1
ORDER BY
    partition,
    offset
SETTINGS max_bytes_before_external_group_by = 1000000000
