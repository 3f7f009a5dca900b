begin;
insert into dbz_signal values ('sig-1', 'execute-snapshot', '{"data-collections": ["public.a"], "type": "incremental"}');
insert into dbz_signal values ('sig-2', 'execute-snapshot', '{"data-collections": ["public.b"], "type": "incremental"}');
commit;
--@ fence
insert into a values (100);
