-- Which offsets of a partition are stored, as event or in quarantine, in the
-- given blocks of 65,536?
SELECT DISTINCT offset
FROM
(
    SELECT offset
    FROM {table:Identifier}
    WHERE partition = {partition:Int32}
        AND has({blocks:Array(Int64)}, intDiv(offset, 65536))
    UNION ALL
    SELECT offset
    FROM quarantine
    WHERE topic = {topic:String}
        AND partition = {partition:Int32}
        AND has({blocks:Array(Int64)}, intDiv(offset, 65536))
)
ORDER BY offset
