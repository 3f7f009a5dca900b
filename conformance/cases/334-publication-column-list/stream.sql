insert into t values (1, 'x', 's', 5);
update t set secret = 'q', b = 6 where id = 1;
delete from t where id = 1;
