insert into k values (2, 'aaaaaaa2', 'bbbbbbb2');
update k set b = 'zzzzzz' where id = 2;
delete from k where id = 2;
insert into x values ('aaaaaaa2', 'bbbbbbb2');
update x set b = 'zzzzzz';
delete from x;
truncate k;
