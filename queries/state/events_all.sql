-- Which events are there, all of a topic, subject by subject?
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
    data
FROM {table:Identifier}
ORDER BY subject
