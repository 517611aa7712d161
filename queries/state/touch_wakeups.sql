-- Which subjects have an event whose instant has come since the last run?
INSERT INTO touched (edition, run, base, subject)
SELECT DISTINCT 'live', {run:UInt64}, base, subject
FROM wakeups
WHERE edition = 'live' AND at > {after:DateTime64(6, 'UTC')} AND at <= {upto:DateTime64(6, 'UTC')}
