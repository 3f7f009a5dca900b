create table t(id int primary key, a text, secret text, b int);
create publication mine_334 for table t (id, a, b);
