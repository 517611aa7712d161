-- What is kept of some messages in quarantine, with their bytes? Of one that was
-- stored again the last row counts.
SELECT
    topic,
    partition,
    offset,
    received_at,
    stored_at,
    emptied_at,
    code,
    detail,
    source,
    key,
    payload,
    size,
    lower(hex(sha256)) AS sha256
FROM quarantine
WHERE (topic, partition, offset) IN
    (
        SELECT
            place.1,
            place.2,
            place.3
        FROM
        (
            SELECT arrayJoin(arrayZip({topics:Array(String)}, {partitions:Array(Int32)}, {offsets:Array(Int64)})) AS place
        )
    )
ORDER BY stored_at DESC
LIMIT 1 BY
    topic,
    partition,
    offset
