-- A batch of events brings a token. When its outcome is not known and it is sent
-- again, the token lets ClickHouse know it: the table, and each view behind it,
-- keeps the tokens of its last inserts. That saves work; what counts once does so
-- by the key of its row, with or without them.
--
-- A batch is a part of some ten megabytes in each month that it touches. Written as
-- one file and not as two for each column it is less work in the file system;
-- merges soon make large parts of it, which are wide as before.
ALTER TABLE events_cases MODIFY SETTING non_replicated_deduplication_window = 1000, min_bytes_for_wide_part = 134217728;

ALTER TABLE events_complaints MODIFY SETTING non_replicated_deduplication_window = 1000, min_bytes_for_wide_part = 134217728;

ALTER TABLE events_surveys MODIFY SETTING non_replicated_deduplication_window = 1000, min_bytes_for_wide_part = 134217728;

ALTER TABLE events_assurance MODIFY SETTING non_replicated_deduplication_window = 1000, min_bytes_for_wide_part = 134217728;

ALTER TABLE identities MODIFY SETTING non_replicated_deduplication_window = 1000, min_bytes_for_wide_part = 134217728;

ALTER TABLE arrivals MODIFY SETTING non_replicated_deduplication_window = 1000, min_bytes_for_wide_part = 134217728;

ALTER TABLE source_hours MODIFY SETTING non_replicated_deduplication_window = 1000;
