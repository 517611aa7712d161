-- How many cases, tickets or surveys belong to a period by a step?
SELECT count() AS n
FROM {base:Identifier} FINAL
WHERE edition = 'live' AND anchor = {anchor:String} AND day >= {from:Date} AND day < {to:Date}
    /*where*/
