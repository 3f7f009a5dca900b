insert into u values (3);
--@ fence
insert into dbz_signal values ('sig-1', 'execute-snapshot', '{"data-collections": ["public.[tu]"], "type": "blocking", "additional-conditions": [{"data-collection": "public.t", "filter": "select * from t where id in (2, 4)"}]}');
--@ fence
insert into t values (100, 'later');
