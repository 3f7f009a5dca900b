insert into dbz_signal values ('sig-1', 'log', '{"message": "at {}"}');
insert into dbz_signal values ('sig-2', 'no-such-thing', '{}');
insert into dbz_signal values ('sig-3', 'execute-snapshot', 'not json');
insert into dbz_signal values ('sig-4', 'execute-snapshot', null);
insert into dbz_signal values ('sig-5', 'execute-snapshot', '{}');
--@ fence
insert into t values (100, 'later');
