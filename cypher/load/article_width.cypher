// article_width: number of digits of the article ids, from the first thousand of them; null if they differ
// returns width
MATCH (a:Article)
WHERE a.article_id IS :: STRING NOT NULL
WITH a.article_id AS id
LIMIT 1000
WITH collect(DISTINCT CASE WHEN id =~ '[0-9]+' THEN size(id) ELSE -1 END) AS widths
RETURN CASE WHEN size(widths) = 1 AND widths[0] > 0 THEN widths[0] END AS width
