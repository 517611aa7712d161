-- How many contents of a topic bear an identity that another content bears too,
-- beyond the one that counts?
SELECT toInt64(sum(contents - 1)) AS conflicts
FROM
(
    SELECT uniqExact(content_hash) AS contents
    FROM identities
    WHERE topic = {topic:String}
    GROUP BY identity
    HAVING contents > 1
    SETTINGS optimize_aggregation_in_order = 1
)
