-- How many messages that arrived up to an instant could not be read?
SELECT count() AS n
FROM quarantine FINAL
WHERE received_at <= {as_of:DateTime64(6, 'UTC')}
