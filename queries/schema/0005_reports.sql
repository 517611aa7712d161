-- Reports as they were made. Recorded, never rewritten: a report of a period that
-- is made again is stored beside the ones before, if it says something else.
CREATE TABLE IF NOT EXISTS reports
(
    kind        LowCardinality(String) COMMENT 'month: the managers'' month',
    period      LowCardinality(String) COMMENT 'label of the period, such as 2026-10',
    period_from Date,
    language    LowCardinality(String) COMMENT 'zh or en',
    version     UInt32 COMMENT 'from 1 on, of this kind, period and language',
    as_of       DateTime64(6, 'UTC') COMMENT 'the instant that its figures are calculated for',
    made_at     DateTime64(6, 'UTC'),
    content     FixedString(64) COMMENT 'SHA-256 of all that it says, in hexadecimal digits',
    provenance  String COMMENT 'JSON: what it was made from',
    html        String COMMENT 'the document, self-contained' CODEC(ZSTD(3)),
    html_sha256 FixedString(64),
    pdf         String COMMENT 'the same printed; empty where there was no browser to print it' CODEC(ZSTD(3)),
    pdf_sha256  String
)
ENGINE = MergeTree
ORDER BY (kind, period_from, period, language, version, made_at);
