-- How many messages of each topic were refused, and for which reason?
SELECT
    topic,
    code,
    count() AS n
FROM quarantine FINAL
GROUP BY topic, code
ORDER BY n DESC, topic, code
