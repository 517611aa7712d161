-- Which events do the subjects of a fold run have, subject by subject,
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
    subject IN
    (
        SELECT subject
        FROM conflicts
        WHERE topic = {topic:String} AND subject IN
        (
            SELECT subject
            FROM touched
            WHERE edition = {edition:String} AND run = {run:UInt64} AND base = {base:String}
        )
    ) AS contested
FROM {table:Identifier}
WHERE subject IN
(
    SELECT subject
    FROM touched
    WHERE edition = {edition:String} AND run = {run:UInt64} AND base = {base:String}
)
ORDER BY subject
