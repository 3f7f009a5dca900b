begin;
insert into a values (1);
insert into a values (2);
commit;
--@ stop
begin;
insert into a values (3);
insert into a values (4);
commit;
--@ start
insert into a values (5);
