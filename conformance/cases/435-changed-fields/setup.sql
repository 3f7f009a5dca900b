create table u(id int primary key, a text, b int default 3, c numeric(10,2));
alter table u replica identity full;
