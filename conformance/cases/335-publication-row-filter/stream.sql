insert into t values (1, 'x');
insert into t values (11, 'y');
update t set a = 'no' where id = 11;
update t set a = 'yes' where id = 11;
update t set a = 'again' where id = 11;
delete from t where id = 1;
delete from t where id = 11;
