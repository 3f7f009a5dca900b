create type mood as enum ('sad', 'ok');
create table e(id int primary key, m mood, ms mood[]);
insert into e values (1, 'ok', '{sad}');
