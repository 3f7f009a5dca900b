insert into "s-1"."1st täble 😀" values (2, 'x', 'y', 1, 1, 1, 1);
update "s-1"."1st täble 😀" set "1 id" = 3 where "1 id" = 2;
insert into ok_t values (2);
insert into orders_2023 values (2);
update orders_2023 set id = 3 where id = 2;
delete from orders_2023 where id = 3;
