-- Which tickets were merged into these?
SELECT parent, subject
FROM links FINAL
PREWHERE edition = {edition:String} AND parent_base = 'tickets' AND base = 'tickets' AND parent IN {subjects:Array(String)}
