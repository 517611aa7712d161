-- When did each source last report, and how long was it silent at most before, of
-- what happened in the days up to now?
SELECT
    source,
    max(last) AS newest,
    uniqExact(toDate(hour, 'Asia/Shanghai')) AS days,
    toUInt32(arrayMax(arrayDifference(arraySort(groupArray(toUnixTimestamp(hour)))))) AS gap
FROM
(
    SELECT
        toString(source) AS source,
        hour,
        max(newest) AS last
    FROM source_hours
    WHERE hour > {from:DateTime('UTC')} AND hour <= {to:DateTime('UTC')}
    GROUP BY source, hour
)
GROUP BY source
ORDER BY newest, source
