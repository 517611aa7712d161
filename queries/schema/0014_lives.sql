-- Which life of ClickHouse's process is this? A table in memory is empty when the
-- process begins. Tokens of inserts name it: a plain MergeTree notes a token before
-- it has put the part in its place, so a process that is killed in between knows the
-- token in its next life and has not got the rows.
CREATE TABLE IF NOT EXISTS lives (id UUID) ENGINE = Memory;
