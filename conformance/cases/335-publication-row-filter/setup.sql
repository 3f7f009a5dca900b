create table t(id int primary key, a text);
alter table t replica identity full;
create publication mine_335 for table t where (id > 10 and a <> 'no');
