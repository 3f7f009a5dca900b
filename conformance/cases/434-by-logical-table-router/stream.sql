insert into shard_1 values (1, 'x');
insert into shard_2 values (1, null);
update shard_2 set a = 'z' where id = 1;
delete from shard_1;
insert into other values (1);
