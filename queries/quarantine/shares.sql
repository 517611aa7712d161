-- How many messages of each topic were stored in some minutes, and how many of
-- them in quarantine?
SELECT
    topic,
    sum(messages) AS messages,
    sum(quarantined) AS quarantined
FROM quarantine_minutes FINAL
WHERE minute >= toDateTime({since:DateTime64(3, 'UTC')}, 'UTC')
    AND minute < toDateTime({until:DateTime64(3, 'UTC')}, 'UTC')
GROUP BY topic
ORDER BY topic
