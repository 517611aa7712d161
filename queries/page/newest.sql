-- What is the newest event of a topic, and when was it received? Only the last
-- day that has events is read, whatever is stored.
SELECT
    max(time) AS newest,
    max(received_at) AS received
FROM {table:Identifier}
WHERE day = (SELECT max(day) FROM {table:Identifier})
