begin;
select pg_logical_emit_message(true, 'outbox', '{"id":"m-1","aggregatetype":"order","aggregateid":"o-1","type":"Created","payload":"{\"total\": 9.5, \"lines\": [{\"sku\": \"a\"}]}"}');
insert into o values (1);
commit;
select pg_logical_emit_message(false, 'outbox', '{"id":"m-2","aggregatetype":"customer","aggregateid":"c-1","type":"Gone","payload":"","note":null}');
