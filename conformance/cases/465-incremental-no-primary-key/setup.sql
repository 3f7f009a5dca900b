create table dbz_signal(id varchar(42) primary key, type varchar(32) not null, data varchar(2048));
create table t(id int primary key, v text);
insert into t select i, 'v' || i from generate_series(1, 7) i;
create table a_nokey(n int, v text);
insert into a_nokey values (1, 'a'), (2, 'b');
create table b_empty(id int primary key);
