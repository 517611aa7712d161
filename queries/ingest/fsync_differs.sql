-- Which of the tables write to the disk before they acknowledge, or do not, against
-- what is wanted?
SELECT name
FROM system.tables
WHERE database = currentDatabase()
    AND has({tables:Array(String)}, name)
    AND (engine_full LIKE '%fsync_after_insert = 1%') != {on:Bool}
ORDER BY name
