create table t(id int primary key, v text);
insert into t select i, 'v' || i from generate_series(1, 7) i;
create table u(id int primary key, v text);
insert into u values (1, 'x'), (2, 'y');
