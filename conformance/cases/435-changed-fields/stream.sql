insert into u values (1, 'x', null, 1.50);
update u set a = 'y' where id = 1;
update u set b = 4, c = 2.5 where id = 1;
update u set a = a where id = 1;
delete from u;
