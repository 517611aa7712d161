-- In which windows is one subject, and what is known about it? Its places in the
-- state are looked up first, since the state is ordered by day; those before the
-- last run too, whose rows may be just about to be replaced.
WITH places AS
(
    SELECT arrayJoin(arrayConcat(keys, stale_keys)) AS key
    FROM subjects FINAL
    WHERE edition = 'live' AND base = {base:String} AND subject = {subject:String}
)
SELECT
    toString(anchor) AS anchor,
    day,
    due_at,
    done_at,
    open,
    paused,
    undetermined,
    unknown,
    toString(excluded) AS excluded,
    toString(state) AS state,
    toString(outcome) AS outcome,
    arrayMap(x -> toString(x), linked) AS linked,
    arrayMap(x -> toString(x), flags) AS flags,
    /*columns*/
FROM {base:Identifier} FINAL
WHERE edition = 'live' AND subject = {subject:String} AND (anchor, day) IN (SELECT key.1, key.2 FROM places)
ORDER BY anchor, day
