-- Which event of a partition was stored last, by offset?
SELECT
    partition,
    offset,
    received_at,
    time
FROM {table:Identifier}
WHERE (subject, offset) IN
    (
        SELECT
            subject,
            offset
        FROM arrivals
        WHERE topic = {topic:String}
            AND partition = {partition:Int32}
        ORDER BY
            topic DESC,
            partition DESC,
            offset DESC
        LIMIT 1
    )
    AND partition = {partition:Int32}
LIMIT 1
