-- Which numbers begin with these characters?
SELECT
    subject,
    toString(region) AS region,
    toString(outlet) AS outlet,
    toString(product) AS product,
    toString(channel) AS channel
FROM subjects FINAL
WHERE edition = 'live' AND base = {base:String} AND startsWith(subject, {prefix:String}) AND subject > {after_subject:String}
ORDER BY subject
LIMIT {limit:UInt32}
