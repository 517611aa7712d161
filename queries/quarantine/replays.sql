-- What became of messages that were written to their topic again? The last time
-- counts: at its new place there is an event, or a message in quarantine with its
-- reason, or nothing yet.
WITH replays AS
(
    SELECT
        topic,
        partition,
        offset,
        count() AS times,
        max((replayed_at, new_partition, new_offset)) AS last
    FROM quarantine_replays FINAL
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
    GROUP BY
        topic,
        partition,
        offset
)
SELECT
    topic,
    partition,
    offset,
    times,
    last.1 AS replayed_at,
    last.2 AS new_partition,
    last.3 AS new_offset,
    (topic, new_partition, new_offset) IN
    (
        SELECT
            topic,
            partition,
            offset
        FROM arrivals
        WHERE (topic, partition, offset) IN (SELECT topic, last.2, last.3 FROM replays)
    ) AS is_event,
    toString(back.code) AS code
FROM replays
LEFT JOIN
(
    SELECT
        topic,
        partition,
        offset,
        any(code) AS code
    FROM quarantine
    WHERE (topic, partition, offset) IN (SELECT topic, last.2, last.3 FROM replays)
    GROUP BY
        topic,
        partition,
        offset
) AS back ON back.topic = replays.topic AND back.partition = last.2 AND back.offset = last.3
ORDER BY
    topic,
    partition,
    offset
