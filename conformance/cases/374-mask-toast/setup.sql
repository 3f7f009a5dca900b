create table tm(id int primary key, big text, n int, bb bytea);
alter table tm alter big set storage external, alter bb set storage external;
insert into tm values (1, repeat('x', 5000), 1, decode(repeat('ab', 5000), 'hex'));
create table th(id int primary key, big text, n int, bb bytea);
alter table th alter big set storage external, alter bb set storage external;
insert into th values (1, repeat('x', 5000), 1, decode(repeat('ab', 5000), 'hex'));
create table tt(id int primary key, big text, n int, bb bytea);
alter table tt alter big set storage external, alter bb set storage external;
insert into tt values (1, repeat('x', 5000), 1, decode(repeat('ab', 5000), 'hex'));
