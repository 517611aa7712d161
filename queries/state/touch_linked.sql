-- Who takes something from the subjects of this run?
INSERT INTO touched (edition, run, base, subject)
SELECT DISTINCT {edition:String}, {run:UInt64}, base, subject
FROM links FINAL
PREWHERE edition = {edition:String} AND parent_base = {parent_base:String} AND base != {parent_base:String} AND parent IN
(
    SELECT subject
    FROM touched
    WHERE edition = {edition:String} AND run = {run:UInt64} AND base = {parent_base:String}
)
