create domain label as varchar(8);
create domain short as label;
create table d (id int primary key, xm xml default '<a/>', c "char" default 'x', ts tsvector default 'a b', bp bpchar default 'b', r int4range default '[1,3)', h cidr default '10.0.0.0/8', m macaddr default '08:00:2b:01:02:03', tt timetz default '13:14:15.5+02', o oid default 7, v varchar default 'a'')b', vb varbit default B'101', bt bit(24) default B'101010101010101010101010', iv interval(0) default '1 year 2 mons 3 days 04:05:06', t3 time(3) default '13:14:15.5555', ts3 timestamp(3) default '2020-03-04 05:06:07.8919', tz3 timestamptz(3) default '2020-01-01 00:00:00.1234+05:30', n10 numeric(10) default -7, f float default '-Infinity', sh short default 'sh', tsa tsvector[]);
insert into d (id, tsa) values (1, array['a b'::tsvector, '']);
insert into d values (2, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null);
