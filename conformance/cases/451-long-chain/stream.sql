insert into w values (1, 'a', 2, 3000000000, 1.5, -0.25, false, 12.50, '2020-02-29', '10:11:12.123', '2020-02-29 10:11:12.123', '\x0102', '{1,2}');
insert into w (id) values (2);
insert into w values (3, null, -32768, -1, 1e10, 1e-5, null, -0.01, '1970-01-02', '00:00:00', '2001-01-01 00:00:00', '\x', '{}');
update w set t = 'b', num = 99999999.99 where id = 1;
delete from w where id = 2;
