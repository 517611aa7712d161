-- Which events of these subjects came with other content elsewhere, and which hash counts?
WITH conflicting AS
(
    SELECT DISTINCT
        subject,
        identity
    FROM conflicts
    WHERE topic = {topic:String} AND subject IN {subjects:Array(String)}
)
SELECT DISTINCT
    e.subject AS subject,
    toString(e.source) AS source,
    e.id AS id,
    c.winner AS winner
FROM
(
    SELECT
        subject,
        source,
        id,
        sipHash128(source, id) AS identity
    FROM {table:Identifier}
    WHERE subject IN (SELECT subject FROM conflicting)
) AS e
INNER JOIN
(
    SELECT
        identity,
        min(content_hash) AS winner
    FROM identities
    WHERE identity IN (SELECT identity FROM conflicting)
    GROUP BY identity
) AS c ON e.identity = c.identity
