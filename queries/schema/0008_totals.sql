-- The facts without the dimensions that a question does not name: summed over all
-- of them, and by each of the few values of one. What most pages ask for is read
-- from here, so that it costs days and not units. Derived from the facts, day by
-- day as they are replaced.
CREATE TABLE IF NOT EXISTS totals
(
    kept        LowCardinality(String) COMMENT 'the one dimension that is kept: region, product, channel; empty: none',
    key         LowCardinality(String),
    part        LowCardinality(String),
    day         Date,
    region      LowCardinality(String) COMMENT 'its province, as all that is not kept empty',
    product     LowCardinality(String),
    channel     LowCardinality(String),
    version     UInt64 COMMENT 'fold run that wrote the row',
    numerator   Decimal(38, 6),
    denominator Decimal(38, 6),
    squares     Decimal(38, 6),
    weights     Decimal(38, 6),
    n           Int64,
    pending     Int64,
    excluded    Int64,
    unknown     Int64,
    unreported  Int64
)
ENGINE = ReplacingMergeTree(version)
PARTITION BY toYear(day)
ORDER BY (kept, key, part, day, region, product, channel);

INSERT INTO totals (kept, key, part, day, region, product, channel, version,
    numerator, denominator, squares, weights, n, pending, excluded, unknown, unreported)
SELECT place.1, key, part, day, place.2, place.3, place.4, max(version),
    sum(numerator), sum(denominator), sum(squares), sum(weights),
    sum(n), sum(pending), sum(excluded), sum(unknown), sum(unreported)
FROM facts FINAL
ARRAY JOIN [('', '', '', ''),
    ('region', if(match(region, '^[0-9]{2}([0-9]{2}){0,2}$'), substring(region, 1, 2), toString(region)), '', ''),
    ('product', '', toString(product), ''), ('channel', '', '', toString(channel))] AS place
GROUP BY place, key, part, day;
