-- How many messages of each topic, reason and source lie in quarantine, and since
-- and until when? No more than so many of the newest rows are looked at.
SELECT
    topic,
    code,
    source,
    uniqExact(partition, offset) AS n,
    min(received_at) AS oldest,
    max(received_at) AS newest
FROM
(
    SELECT
        received_at,
        topic,
        partition,
        offset,
        code,
        source
    FROM quarantine_times
    WHERE received_at >= {since:DateTime64(3, 'UTC')}
        AND received_at < {until:DateTime64(3, 'UTC')}
        AND ({topic:String} = '' OR topic = {topic:String})
        AND ({code:String} = '' OR code = {code:String})
        AND ({source:String} = '' OR source = {source:String})
    ORDER BY
        received_at DESC,
        topic DESC,
        partition DESC,
        offset DESC
    LIMIT {most:UInt64}
)
GROUP BY
    topic,
    code,
    source
ORDER BY
    n DESC,
    topic,
    code,
    source
LIMIT {groups:UInt32}
