create table dbz_signal(id varchar(42) primary key, type varchar(32) not null, data varchar(2048));
create table t(id int primary key, n int not null unique, v text);
insert into t select i, 100 - i, 'v' || i from generate_series(1, 7) i;
