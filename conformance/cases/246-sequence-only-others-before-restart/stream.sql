insert into hidden values (1);
--@ stop
insert into hidden values (2);
--@ start
insert into t values (1);
insert into t values (2);
