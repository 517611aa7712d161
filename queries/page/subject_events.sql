-- Which events of one subject are stored, at which places of the log?
SELECT
    partition,
    offset,
    toString(source) AS source,
    id,
    content_hash,
    toString(type) AS type,
    time,
    sequence,
    recordedtime,
    test,
    correctsid,
    toString(dataschema) AS dataschema,
    data,
    received_at
FROM {table:Identifier} FINAL
WHERE subject = {subject:String}
ORDER BY time, sequence, source, id, content_hash, partition, offset
