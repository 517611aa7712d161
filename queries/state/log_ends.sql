-- Where does the stored log of each topic and partition begin and end, of what lies in these ranges?
SELECT toString(topic) AS topic, partition, min(offset) AS first, max(offset) + 1 AS next
FROM arrivals
WHERE /*ranges*/
GROUP BY topic, partition
