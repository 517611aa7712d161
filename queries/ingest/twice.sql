-- Which offsets of a topic hold two different events? Asked only when there are
-- such, because it groups by offset, on disk if it must.
SELECT
    partition,
    offset
FROM {table:Identifier}
GROUP BY
    partition,
    offset
HAVING uniqExact(subject, day, source, id, content_hash) > 1
ORDER BY
    partition,
    offset
LIMIT {limit:UInt32}
SETTINGS max_bytes_before_external_group_by = 1000000000
