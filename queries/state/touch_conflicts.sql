-- Whose events are in a conflict that this run has found?
INSERT INTO touched (edition, run, base, subject)
SELECT DISTINCT
    'live',
    {run:UInt64},
    transform(toString(topic), ['youzhi.cases.v1', 'youzhi.complaints.v1', 'youzhi.surveys.v1'], ['cases', 'tickets', 'surveys'], 'assurance'),
    subject
FROM conflicts
WHERE version = {run:UInt64}
