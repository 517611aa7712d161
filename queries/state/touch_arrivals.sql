-- Which subjects got events in these ranges of the log?
INSERT INTO touched (edition, run, base, subject)
SELECT DISTINCT
    'live',
    {run:UInt64},
    transform(toString(topic), ['youzhi.cases.v1', 'youzhi.complaints.v1', 'youzhi.surveys.v1'], ['cases', 'tickets', 'surveys'], 'assurance'),
    subject
FROM arrivals
WHERE /*ranges*/
