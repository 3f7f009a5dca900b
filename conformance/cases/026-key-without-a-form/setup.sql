create table one (p pg_lsn primary key, v text);
create table two (p pg_lsn, id int, v text, primary key (p, id));
create table named (id int primary key, gone int, p pg_lsn);
insert into one values ('0/1', 'a'), ('0/2', 'b');
insert into two values ('0/1', 1, 'a'), ('0/2', 1, 'b');
insert into named values (1, 1, '0/1');
