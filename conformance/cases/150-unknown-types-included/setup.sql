create type pair as (x int, y text);
create type floatrange as range (subtype = float8);
create table d(id int primary key, a_line line, a_lseg lseg, a_box box, a_path path, o_path path, a_poly polygon, a_circle circle, q tsquery, l pg_lsn, x xid, c pair, mr int4multirange, fr floatrange, rc regclass, rt regtype, n name, jp jsonpath, x8 xid8, sn txid_snapshot, ra int4range[], ls line[], cs pair[], kept text);
insert into d values (1, '{1,2,3}', '[(0,0),(1,1)]', '(1,1),(0,0)', '((0,0),(1,1),(2,0))', '[(0,0),(1,1)]', '((0,0),(1,1),(2,0))', '<(1,2),3>', 'fat & cat', '16/B374D848', '100', row(1, 'y'), '{[1,3),[5,7)}', '[1.5,2.5)', 'pg_class', 'int4', 'nm', '$.a', '5', '10:20:10,14', '{"[1,5)"}', array['{1,2,3}'::line], array[row(1,'y')::pair], 'kept');
