insert into c values (2, 'abcdefghij', 'abcdefghij', 'abcdefghij', 'abcdefghi', 'abcdefghij', 'abcdefghij', 'abcdefghi', 'qrstuvwxyz', 'qrstuvwxy', 'y');
insert into c values (3, null, null, null, null, null, null, null, 'x', null, 'z');
update c set id = 4 where id = 3;
delete from c where id = 2;
