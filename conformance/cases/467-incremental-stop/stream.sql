begin;
insert into dbz_signal values ('sig-1', 'execute-snapshot', '{"data-collections": ["public.t", "public.u"], "type": "incremental"}');
insert into dbz_signal values ('sig-2', 'stop-snapshot', '{"type": "incremental"}');
commit;
--@ fence
insert into t values (100, 'later');
