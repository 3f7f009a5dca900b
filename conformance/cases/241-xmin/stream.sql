insert into t values (1);
--@ sleep 200
insert into t values (2);
