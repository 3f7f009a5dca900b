insert into a values (4);
--@ stop
insert into a values (5);
--@ start
insert into a values (6);
