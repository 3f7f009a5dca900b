insert into t values (50, 'first');
--@ fence
--@ signal-file {"id": "f-1", "type": "execute-snapshot", "data": {"data-collections": ["public.t"], "type": "incremental"}}
--@ fence
insert into t values (100, 'later');
