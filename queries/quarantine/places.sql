-- Where are the messages in quarantine, the newest first, before a place in that
-- order? One that was stored again may come several times, side by side: leaving
-- that out here would read all of them, and not these alone.
SELECT
    received_at,
    topic,
    partition,
    offset
FROM quarantine_times
WHERE received_at >= {since:DateTime64(3, 'UTC')}
    AND received_at < {until:DateTime64(3, 'UTC')}
    AND ({topic:String} = '' OR topic = {topic:String})
    AND ({code:String} = '' OR code = {code:String})
    AND ({source:String} = '' OR source = {source:String})
    AND (received_at, topic, partition, offset) < ({before_at:DateTime64(3, 'UTC')}, {before_topic:String}, {before_partition:Int32}, {before_offset:Int64})
ORDER BY
    received_at DESC,
    topic DESC,
    partition DESC,
    offset DESC
LIMIT {limit:UInt32}
