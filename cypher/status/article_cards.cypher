// article_cards: what a list shows of some articles: name, colour, department, type, latest price, availability, picture
// available: whether it is in stock and sold on the day after the last purchase. image_url: a property that hmrec does not load.
// $article_ids: list
// :param [{article_ids}] => { RETURN ['0108775015'] AS article_ids }
// returns article_id, prod_name, colour, department, product_type, price, available, stock, image_url
CALL () {
  MATCH ()-[b:BOUGHT]->()
  USING INDEX b:BOUGHT(t_dat)
  WHERE b.t_dat < date('9999-12-31') AND b.article_id IS :: STRING NOT NULL
  WITH b.t_dat AS day
  ORDER BY day DESC
  LIMIT 1
  RETURN max(day) + duration({days: 1}) AS until
}
UNWIND $article_ids AS article_id
MATCH (a:Article {article_id: article_id})
RETURN a.article_id AS article_id, a.prod_name AS prod_name, a.colour_group_name AS colour, a.department_name AS department,
       a.product_type_name AS product_type,
       COLLECT {
         MATCH (a)<-[b:BOUGHT]-()
         USING INDEX b:BOUGHT(article_id, t_dat)
         WHERE b.article_id = a.article_id AND b.t_dat < until AND b.price IS NOT NULL
         RETURN b.price ORDER BY b.article_id DESC, b.t_dat DESC, b.price LIMIT 1
       }[0] AS price,
       NOT coalesce(
         a.stock <= 0 OR a.available = false OR until < a.available_from OR until > a.available_until, false) AS available,
       a.stock AS stock, a.image_url AS image_url
