create table t(id int primary key);
create table hidden(id int primary key);
