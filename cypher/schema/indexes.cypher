// indexes: find purchases by day, an article's latest purchases without reading its other ones, articles by words of their names, and shown lists by day
CREATE INDEX bought_t_dat IF NOT EXISTS FOR ()-[b:BOUGHT]-() ON (b.t_dat);
CREATE INDEX bought_article IF NOT EXISTS FOR ()-[b:BOUGHT]-() ON (b.article_id, b.t_dat);
CREATE FULLTEXT INDEX article_name IF NOT EXISTS FOR (n:Article) ON EACH [n.prod_name];
CREATE INDEX impression_shown IF NOT EXISTS FOR (n:Impression) ON (n.shown_at);
CREATE INDEX impression_expires IF NOT EXISTS FOR (n:Impression) ON (n.expires);
