insert into t values (1, 'x');
update t set a = 'y' where id = 1;
delete from t where id = 1;
insert into t values (2, 'z');
