-- Which dimensions do others take over from these subjects?
SELECT
    subject,
    toString(region) AS region,
    toString(outlet) AS outlet,
    toString(product) AS product,
    toString(channel) AS channel,
    toString(direction) AS direction,
    toString(customer_type) AS customer_type,
    toString(customer_tier) AS customer_tier,
    toString(special_need) AS special_need,
    toString(area_type) AS area_type,
    received_at,
    duplicate_of
FROM subjects FINAL
PREWHERE edition = {edition:String} AND base = {base:String} AND subject IN {subjects:Array(String)}
