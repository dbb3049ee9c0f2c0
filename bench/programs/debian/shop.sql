-- SQLite: 10^5 rows inserted, indexed, joined and grouped, in memory.
CREATE TABLE item(id INTEGER PRIMARY KEY, name TEXT, price INTEGER);
CREATE TABLE sale(item INTEGER, amount INTEGER);
WITH RECURSIVE n(i) AS (VALUES(1) UNION ALL SELECT i + 1 FROM n WHERE i < 100000)
INSERT INTO item SELECT i, 'item' || (i * 7919 % 100003), i * 31 % 997 FROM n;
WITH RECURSIVE n(i) AS (VALUES(1) UNION ALL SELECT i + 1 FROM n WHERE i < 100000)
INSERT INTO sale SELECT i * 613 % 100000 + 1, i % 7 FROM n;
CREATE INDEX by_name ON item(name);
SELECT count(*), sum(price * amount) FROM sale JOIN item ON item.id = sale.item WHERE name LIKE 'item1%';
SELECT price, count(*) FROM item GROUP BY price ORDER BY 2 DESC, 1 LIMIT 3;
