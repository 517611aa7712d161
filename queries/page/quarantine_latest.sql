-- Which messages were refused last? The payload is cut to what a page shows.
WITH latest AS
(
    SELECT
        topic,
        partition,
        offset
    FROM quarantine
    ORDER BY received_at DESC, topic, partition, offset DESC
    LIMIT {limit:UInt32}
)
SELECT
    topic,
    partition,
    offset,
    received_at,
    code,
    detail,
    key,
    substring(payload, 1, 512) AS payload,
    size,
    lower(hex(sha256)) AS sha256
FROM quarantine FINAL
WHERE (topic, partition, offset) IN (SELECT topic, partition, offset FROM latest)
ORDER BY received_at DESC, topic, partition, offset DESC
