create table a (id int primary key, h2 text, h1 text, m text, t text);
create table b (id int primary key, h2 varchar(80), h1 varchar(80), m text, t text);
insert into a values (1, 'secret', 'secret', 'secret', 'secret');
insert into b values (1, 'secret', 'secret', 'secret', 'secret');
