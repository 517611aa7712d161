-- Which identities that arrived in these ranges of the log have more than one content?
INSERT INTO conflicts (topic, subject, identity, content_hash, winner, version)
SELECT
    topic,
    subject,
    identity,
    content_hash,
    min(content_hash) OVER (PARTITION BY identity) AS winner,
    {run:UInt64}
FROM
(
    SELECT DISTINCT topic, subject, identity, content_hash
    FROM identities
    WHERE identity IN
    (
        SELECT identity
        FROM identities
        WHERE identity IN (SELECT identity FROM arrivals WHERE /*ranges*/)
        GROUP BY identity
        HAVING uniqExact(content_hash) > 1
    )
)
