insert into dbz_signal values ('sig-1', 'execute-snapshot', '{"data-collections": ["public.a_nokey", "public.b_empty", "public.nope", "public.t"], "type": "incremental"}');
--@ fence
insert into t values (100, 'later');
