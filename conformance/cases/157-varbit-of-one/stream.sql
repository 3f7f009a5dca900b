insert into b values (4, '', '');
update b set v = '0' where id = 4;
update b set v = '' where id = 2;
