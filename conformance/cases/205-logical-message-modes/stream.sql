insert into t values (1);
select pg_logical_emit_message(false, 'a1', '\xfbff'::bytea);
select pg_logical_emit_message(false, 'B', 'y');
select pg_logical_emit_message(false, 'bb', 'y');
select pg_logical_emit_message(false, '', 'none');
insert into t values (2);
