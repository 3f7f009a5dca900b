insert into u values (3);
--@ fence
insert into dbz_signal values ('sig-1', 'execute-snapshot', '{"data-collections": ["public.t", "public.u"], "type": "blocking"}');
--@ fence
insert into t values (100, 'later');
