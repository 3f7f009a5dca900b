insert into one values ('0/3', 'c');
update one set v = 'cc' where p = '0/3';
update one set p = '0/4' where p = '0/3';
delete from one where p = '0/4';
update two set p = '0/3' where p = '0/2';
delete from two where p = '0/1';
insert into named values (2, 2, '0/2');
--@ fence
alter table named drop column gone;
insert into named values (3, '0/3');
update named set p = '0/4' where id = 3;
delete from named where id = 3;
