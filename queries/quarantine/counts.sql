-- How many messages of each topic and reason lie in quarantine, by the Beijing day
-- that Kafka recorded? Hours are whole: a day begins with one.
SELECT
    topic,
    code,
    day,
    sum(messages) AS n
FROM
(
    SELECT
        topic,
        code,
        toDate(hour, 'Asia/Shanghai') AS day,
        partition,
        groupBitmapMerge(offsets) AS messages
    FROM quarantine_hours
    WHERE hour >= toDateTime({since:DateTime64(3, 'UTC')}, 'UTC')
        AND hour < toDateTime({until:DateTime64(3, 'UTC')}, 'UTC')
        AND ({topic:String} = '' OR topic = {topic:String})
        AND ({code:String} = '' OR code = {code:String})
    GROUP BY
        topic,
        code,
        day,
        partition
)
GROUP BY
    topic,
    code,
    day
ORDER BY
    topic,
    code,
    day
