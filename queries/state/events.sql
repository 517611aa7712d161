-- Which events do the subjects of a fold have, subject by subject,
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
    subject IN (SELECT subject FROM conflicts WHERE topic = {topic:String} AND /*touched*/) AS contested
FROM {table:Identifier}
WHERE /*touched*/
ORDER BY subject
