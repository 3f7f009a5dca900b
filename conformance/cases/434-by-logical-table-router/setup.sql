create table shard_1(id int primary key, a text default 'd');
create table shard_2(id int primary key, a text default 'd');
create table other(id int primary key);
