begin;
insert into dbz_signal values ('sig-1', 'execute-snapshot', '{"data-collections": ["public.a"], "type": "incremental", "additional-conditions": [{"data-collection": "public.a", "filter": "id < 4"}]}');
insert into dbz_signal values ('sig-2', 'execute-snapshot', '{"data-collections": ["public.a"], "type": "incremental", "additional-conditions": [{"data-collection": "public.a", "filter": "id > 6"}]}');
commit;
--@ fence
insert into a values (100);
