-- Which events are there, all of a topic, subject by subject,
-- and did some come with other content elsewhere?
SELECT
    subject,
    toString(source) AS source,
    id,
    content_hash,
    toString(type) AS type,
    time,
    sequence,
    recordedtime,
    test,
    correctsid,
    data,
    subject IN (SELECT subject FROM conflicts WHERE topic = {topic:String}) AS contested
FROM {table:Identifier}
ORDER BY subject
