begin;
insert into hidden values (1);
rollback;
insert into t values (1);
insert into t values (2);
