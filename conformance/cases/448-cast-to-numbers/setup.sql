create table w(id int primary key, t text default 'none', i2 smallint, i8 bigint, f4 real, f8 double precision, flag boolean default true,
  num numeric(10,2), d date, tm time, ts timestamp, raw bytea, tags int[]);
alter table w replica identity full;
