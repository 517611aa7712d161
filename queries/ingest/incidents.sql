-- What has happened to the logs, the newest first? Each process tells of a topic
-- made anew what it knows of the old log: all of it together is what is known.
SELECT
    toString(topic) AS topic,
    partition,
    toString(kind) AS kind,
    min(first) AS begin,
    max(next) AS end,
    argMax(gone, next) AS lost,
    min(found_at) AS found,
    argMax(detail, next) AS said
FROM log_incidents
GROUP BY
    topic,
    partition,
    kind,
    if(kind = 'remade', 0, first)
ORDER BY
    found DESC,
    topic,
    partition,
    kind,
    begin
