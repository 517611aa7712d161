-- Which reports are there, the newest period first? Without the documents.
SELECT
    toString(kind) AS kind,
    toString(period) AS period,
    toString(language) AS language,
    version,
    as_of,
    made_at,
    toString(content) AS content,
    provenance,
    length(html) AS html_bytes,
    toString(html_sha256) AS html_sha256,
    length(pdf) AS pdf_bytes,
    pdf_sha256
FROM reports
WHERE (kind = {kind:String} OR {kind:String} = '')
    AND (period = {period:String} OR {period:String} = '')
ORDER BY period_from DESC, kind, version DESC, language DESC
LIMIT {limit:UInt32}
