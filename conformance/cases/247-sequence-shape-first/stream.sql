alter table t add v text;
insert into t values (1, 'a');
insert into t values (2, 'b');
