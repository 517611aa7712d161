-- Which identities that arrived in these ranges of the log have more than one content?
INSERT INTO conflicts (topic, subject, identity, content_hash, version)
SELECT DISTINCT
    topic,
    subject,
    identity,
    content_hash,
    {run:UInt64}
FROM identities
WHERE identity IN
(
    SELECT identity
    FROM identities
    WHERE identity IN (SELECT identity FROM arrivals WHERE /*ranges*/)
    GROUP BY identity
    HAVING min(content_hash) != max(content_hash)
)
