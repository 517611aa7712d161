-- Which events of these subjects came with other content elsewhere, and which hash counts?
SELECT DISTINCT
    e.subject AS subject,
    toString(e.source) AS source,
    e.id AS id,
    c.winner AS winner
FROM
(
    SELECT subject, identity, winner
    FROM conflicts FINAL
    WHERE topic = {topic:String} AND subject IN {subjects:Array(String)}
) AS c
INNER JOIN
(
    SELECT subject, source, id, sipHash128(source, id) AS identity
    FROM {table:Identifier}
    WHERE subject IN {subjects:Array(String)}
) AS e ON e.subject = c.subject AND e.identity = c.identity
