insert into a values (1);
begin;
update a set id = 2 where id = 1;
insert into b values (1);
delete from a where id = 2;
truncate a, b;
insert into b values (5);
commit;
insert into a values (9);
