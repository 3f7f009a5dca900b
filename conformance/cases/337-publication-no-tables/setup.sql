create table t(id int primary key, a text);
create publication mine_337;
