-- Which identities came with other content, the ones found last first, and which
-- content counts?
WITH
    latest AS
    (
        SELECT
            topic,
            subject,
            identity,
            content_hash,
            version
        FROM conflicts FINAL
        ORDER BY version DESC, topic, subject, identity, content_hash
        LIMIT {limit:UInt32}
    ),
    winners AS
    (
        SELECT
            identity,
            min(content_hash) AS winner
        FROM identities
        WHERE identity IN (SELECT identity FROM latest)
        GROUP BY identity
    )
SELECT
    toString(l.topic) AS topic,
    l.subject AS subject,
    lower(hex(l.identity)) AS identity,
    lower(hex(l.content_hash)) AS hash,
    l.content_hash = w.winner AS wins
FROM latest AS l
INNER JOIN winners AS w ON w.identity = l.identity
ORDER BY l.version DESC, topic, subject, identity, hash
