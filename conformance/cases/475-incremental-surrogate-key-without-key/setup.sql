create table dbz_signal(id varchar(42) primary key, type varchar(32) not null, data varchar(2048));
create table t(n int not null, v text);
alter table t replica identity full;
insert into t select (i + 1) / 2, 'v' || i from generate_series(1, 7) i;
