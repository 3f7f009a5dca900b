insert into t values (1, 'x');
alter publication mine_337 add table t;
insert into t values (2, 'y');
