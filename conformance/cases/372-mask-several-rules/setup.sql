create table c(id int primary key, tm varchar(20), ht text, hh text, mp varchar(9), ex text, plain text, hm varchar(9), th varchar(12) not null default 'dfltvalue', md varchar(9) default 'dfltvalue', hn text not null);
insert into c values (1, 'abcdefghij', 'abcdefghij', 'abcdefghij', 'abcdefghi', 'abcdefghij', 'abcdefghij', 'abcdefghi', default, default, 'x');
