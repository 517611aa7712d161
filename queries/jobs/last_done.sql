-- When was the latest scheduled run of a job that was done?
SELECT max(at) AS at, count() AS n
FROM job_runs FINAL
WHERE job = {job:String} AND outcome = 'done' AND NOT manual
