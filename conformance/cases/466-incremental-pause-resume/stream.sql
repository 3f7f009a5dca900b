begin;
insert into dbz_signal values ('sig-1', 'execute-snapshot', '{"data-collections": ["public.t"], "type": "incremental"}');
insert into dbz_signal values ('sig-2', 'pause-snapshot', '{"type": "incremental"}');
commit;
--@ fence
insert into t values (100, 'meanwhile');
--@ fence
insert into dbz_signal values ('sig-3', 'resume-snapshot', '{"type": "incremental"}');
--@ fence
insert into t values (101, 'later');
