-- Are bytes kept of messages that were put into quarantine before an instant?
SELECT count() AS n
FROM quarantine
WHERE emptied_at = 0
    AND stored_at < {before:DateTime64(3, 'UTC')}
