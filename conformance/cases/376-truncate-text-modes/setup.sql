create extension if not exists hstore;
create type mood as enum ('sad', 'ok', 'happy');
create table t(id int primary key, e mood not null, n numeric(8,3) not null, m money, iv interval, b bytea not null, d date, ti time, ts timestamp, h hstore, tx text not null, q tsquery, ia int4range, bb varbit, tn text not null default 'dddddddd');
insert into t values (1, 'happy', 1234.5, '1234.5', '1 day 2 hours', '\xdeadbeef00', '2020-01-02', '10:11:12', '2020-01-02 10:11:12', '"kkkk"=>"vvvv"', 'longtext', 'fat & cat', '[1,5)', B'10101010101010101010101010101010101010101010', 'eeeeeeeeee');
