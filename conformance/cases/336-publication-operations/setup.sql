create table t(id int primary key, a text);
create publication mine_336 for table t with (publish = 'insert');
