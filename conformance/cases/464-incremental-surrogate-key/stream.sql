insert into dbz_signal values ('sig-1', 'execute-snapshot', '{"data-collections": ["public.t"], "type": "incremental", "surrogate-key": "n"}');
--@ fence
insert into t values (100, 7, 'later');
