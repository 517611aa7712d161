-- Where did the log of each partition of a topic start when it was first looked at?
SELECT
    partition,
    min(first) AS first
FROM reconciliations
WHERE topic = {topic:String}
GROUP BY partition
