-- Which logs have the topics had?
SELECT
    toString(topic) AS topic,
    log,
    topic_id,
    min(since) AS since
FROM topic_logs
GROUP BY
    topic,
    log,
    topic_id
ORDER BY
    topic,
    log,
    since,
    topic_id
