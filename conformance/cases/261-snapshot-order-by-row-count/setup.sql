create table b(id int primary key, v text);
insert into b select i, 'v' || i from generate_series(1, 7) i;
create table a(id int primary key, v text);
insert into a values (1, 'x'), (2, 'y');
create table c(id int primary key);
insert into c values (1), (2), (3);
analyze;
