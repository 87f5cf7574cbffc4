// passing_articles: articles that pass a recommender's filters
//
// $as_of: date = null              recommend as of that day, from earlier purchases only
// $department: string = null       only articles of the department with this name
// $colour: string = null           only articles of the colour group with this name
// $max_price: float = null         only articles sold for at most this price
// $in_season: integer = null       only articles sold within this many days
// :param [{as_of, department, colour, max_price, in_season}] => { RETURN null AS as_of, null AS department, null AS colour, null AS max_price, null AS in_season }
// returns article_id
CALL () {
  MATCH ()-[b:BOUGHT]->()
  USING INDEX b:BOUGHT(t_dat)
  WHERE b.t_dat < coalesce(date($as_of), date('9999-12-31')) AND b.article_id IS :: STRING NOT NULL
  WITH b.t_dat AS day
  ORDER BY day DESC
  LIMIT 1
  RETURN coalesce(date($as_of), max(day) + duration({days: 1})) AS until
}
MATCH (a:Article)
WHERE a.article_id IS :: STRING NOT NULL
  AND ($department IS NULL OR a.department_name = $department)
  AND ($colour IS NULL OR a.colour_group_name = $colour)
  AND ($max_price IS NULL AND $in_season IS NULL OR EXISTS {
    MATCH (a)<-[b:BOUGHT]-()
    USING INDEX b:BOUGHT(article_id, t_dat)
    WHERE b.article_id = a.article_id AND b.t_dat >= until - duration({days: coalesce($in_season, 1000000)}) AND b.t_dat < until
      AND ($max_price IS NULL OR b.price <= $max_price)
  })
RETURN a.article_id AS article_id
