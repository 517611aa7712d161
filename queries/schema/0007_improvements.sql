-- Which subjects of assurance are improvements: so that the few of them are found
-- without a look at all obligations. Filled with each insert of events.
CREATE TABLE IF NOT EXISTS improvement_subjects (subject String)
ENGINE = ReplacingMergeTree
ORDER BY subject;

CREATE MATERIALIZED VIEW IF NOT EXISTS improvement_subjects_of_events TO improvement_subjects AS
SELECT DISTINCT subject
FROM events_assurance
WHERE startsWith(type, 'cn.post.improvement.');

-- Those that were stored before the view was there.
INSERT INTO improvement_subjects
SELECT DISTINCT subject
FROM events_assurance
WHERE startsWith(type, 'cn.post.improvement.');
