// article_facts: the facts that training stored on every article, as of the day after the last purchase it used
// returns article_id, facts
MATCH (a:Article)
RETURN a.article_id AS article_id,
       [a.buyers_7, a.buyers_14, a.buyers_28, a.buyers_84, a.buyers_364, a.trend, a.first_share, a.repeat_share, a.repeat_gap,
        a.weekly_rate, a.log_price, a.log_discount, a.days_sold, a.days_idle, a.around_new, a.around_buyers, a.product_buyers, a.producttype_buyers, a.department_buyers] AS facts
