create table b (id int primary key, v varbit(1), w bit varying(1) default B'1');
insert into b values (1, '', ''), (2, '1', '0'), (3, null, null);
