-- Which rows of the state does each subject of a base have, subject by subject?
SELECT
    subject,
    version,
    arrayMap(k -> toString(k.1), keys) AS key_anchors,
    arrayMap(k -> k.2, keys) AS key_days,
    arrayMap(k -> toString(k.1), stale_keys) AS stale_anchors,
    arrayMap(k -> k.2, stale_keys) AS stale_days,
    arrayMap(p -> toString(p.1), parents) AS parent_bases,
    arrayMap(p -> p.2, parents) AS parent_subjects,
    arrayMap(p -> toString(p.1), stale_parents) AS stale_parent_bases,
    arrayMap(p -> p.2, stale_parents) AS stale_parent_subjects
FROM subjects FINAL
WHERE edition = {edition:String} AND base = {base:String}
ORDER BY subject
SETTINGS max_block_size = 4096
