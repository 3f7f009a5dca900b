create table dbz_signal(id varchar(42) primary key, type varchar(32) not null, data varchar(2048));
create table t(id int primary key, v text);
insert into t select i, 'v' || i from generate_series(1, 3) i;
create table u(id int primary key);
insert into u values (1), (2);
