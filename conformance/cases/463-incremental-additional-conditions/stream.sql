insert into dbz_signal values ('sig-1', 'execute-snapshot', '{"data-collections": ["public.t"], "type": "incremental", "additional-conditions": [{"data-collection": "public.t", "filter": "id % 2 = 1"}]}');
--@ fence
insert into t values (100, 'later');
