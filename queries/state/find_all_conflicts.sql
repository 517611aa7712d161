-- Which identities have more than one content?
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
    GROUP BY identity
    HAVING min(content_hash) != max(content_hash)
    SETTINGS optimize_aggregation_in_order = 1
)
