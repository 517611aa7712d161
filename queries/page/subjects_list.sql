-- Which cases, tickets or surveys belong to a period by a step, in order of day
-- and number?
SELECT
    subject,
    day,
    toString(region) AS region,
    toString(outlet) AS outlet,
    toString(product) AS product,
    toString(channel) AS channel,
    toString(state) AS state,
    toString(outcome) AS outcome,
    toString(excluded) AS reason,
    arrayMap(x -> toString(x), flags) AS flags
FROM {base:Identifier} FINAL
WHERE edition = 'live' AND anchor = {anchor:String} AND day >= {from:Date} AND day < {to:Date}
    AND (day, subject) > ({after_day:Date}, {after_subject:String})
    /*where*/
ORDER BY day, subject
LIMIT {limit:UInt32}
