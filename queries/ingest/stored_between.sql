-- How many offsets of a partition are stored, as event or in quarantine, in a range?
SELECT toInt64(uniqExact(offset)) AS stored
FROM
(
    SELECT offset
    FROM arrivals
    WHERE topic = {topic:String}
        AND partition = {partition:Int32}
        AND offset >= {from:Int64}
        AND offset < {to:Int64}
    UNION ALL
    SELECT offset
    FROM quarantine
    WHERE topic = {topic:String}
        AND partition = {partition:Int32}
        AND offset >= {from:Int64}
        AND offset < {to:Int64}
)
