create table f(id int primary key, a text, b text, h text);
alter table f replica identity full;
create table d(id int primary key, a text, b text, h text);
create table m(id int primary key, a text, b text);
alter table m replica identity full;
insert into f values (1, 'a', 'b', 'h');
insert into d values (1, 'a', 'b', 'h');
insert into m values (1, 'a', 'b');
