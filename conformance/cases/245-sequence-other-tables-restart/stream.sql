insert into hidden values (1);
insert into t values (1);
insert into hidden values (2);
insert into t values (2);
--@ stop
insert into hidden values (3);
insert into t values (3);
--@ start
insert into t values (4);
