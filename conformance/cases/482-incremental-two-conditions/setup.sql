create table dbz_signal(id varchar(42) primary key, type varchar(32) not null, data varchar(2048));
create table a(id int primary key);
insert into a select generate_series(1, 8);
