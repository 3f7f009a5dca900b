select pg_logical_emit_message(false, 'first', 'x');
select pg_logical_emit_message(true, 'second', 'y');
insert into t values (1);
