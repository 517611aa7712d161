-- Which events do improvements have, subject by subject?
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
WHERE subject IN (SELECT subject FROM improvement_subjects)
ORDER BY subject
