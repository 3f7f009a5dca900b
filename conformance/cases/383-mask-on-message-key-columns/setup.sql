create table k(id int primary key, a text not null, b text);
create table x(a text, b text);
alter table x replica identity full;
insert into k values (1, 'aaaaaaa', 'bbbbbbb');
insert into x values ('aaaaaaa', 'bbbbbbb');
