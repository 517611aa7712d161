-- Which events do the subjects of a fold have, subject by subject,
-- and did some come with other content elsewhere? A part of the table is a stream, and
-- what is read ahead of each is most of the memory of a fold of all.
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
    subject IN (SELECT subject FROM conflicts WHERE topic = {topic:String} AND /*subjects*/) AS contested
FROM {table:Identifier}
WHERE /*subjects*/
ORDER BY subject
SETTINGS read_in_order_use_buffering = 0, max_block_size = 8192
