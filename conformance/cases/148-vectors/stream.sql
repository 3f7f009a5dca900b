insert into v values (2, '[1,2.5,-3e-7]', '[1,65504,-0.1]', '{1:1.5,3:2}/5', '[1]', '[2]');
insert into v values (3, null, null, null, '[1]', '[2]');
delete from v where id = 3;
