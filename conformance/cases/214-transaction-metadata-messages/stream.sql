insert into a values (1);
begin;
select pg_logical_emit_message(true, 'in', 'x');
insert into a values (2);
commit;
select pg_logical_emit_message(false, 'out', 'y');
select pg_logical_emit_message(true, 'alone', 'z');
insert into a values (3);
