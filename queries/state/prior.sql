-- Which rows of the state does each subject of a fold have, subject by subject? A row
-- of this run means that it was cut off: what it was to take away may still be there.
WITH
    version >= {run:UInt64} AS cut_off,
    if(cut_off, arrayConcat(keys, stale_keys), keys) AS held,
    if(cut_off, arrayConcat(parents, stale_parents), parents) AS linked
SELECT
    subject,
    CAST(held.1, 'Array(String)') AS anchors,
    held.2 AS days,
    CAST(linked.1, 'Array(String)') AS parent_bases,
    linked.2 AS parent_subjects
FROM subjects FINAL
PREWHERE edition = {edition:String} AND base = {base:String} AND /*subjects*/
ORDER BY subject
SETTINGS max_block_size = 4096
