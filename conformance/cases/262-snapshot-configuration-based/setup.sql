create table u(id int primary key, v text);
insert into u values (1, 'x'), (2, 'y');
