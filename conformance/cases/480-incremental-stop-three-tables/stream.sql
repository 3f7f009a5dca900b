begin;
insert into dbz_signal values ('sig-1', 'execute-snapshot', '{"data-collections": ["public.a", "public.b", "public.c"], "type": "incremental"}');
insert into dbz_signal values ('sig-2', 'stop-snapshot', '{"type": "incremental"}');
commit;
--@ fence
insert into a values (100);
