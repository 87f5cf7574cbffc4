// indexes: find purchases by day, and an article's latest purchases without reading its other ones
CREATE INDEX bought_t_dat IF NOT EXISTS FOR ()-[b:BOUGHT]-() ON (b.t_dat);
CREATE INDEX bought_article IF NOT EXISTS FOR ()-[b:BOUGHT]-() ON (b.article_id, b.t_dat);
