create schema "s-1";
create table "s-1"."1st täble 😀"("1 id" int, "a-b" text, "ä_b" varchar(3), "😀" int, "_x" int, "x1" int default 3, "t.b" int, primary key ("1 id", "ä_b"));
insert into "s-1"."1st täble 😀" values (1, 'x', 'y', 1, 1, 1, 1);
create table ok_t(a_b int primary key);
insert into ok_t values (1);
create table orders_2023(id int primary key);
create table nokey(a int);
insert into nokey values (1);
insert into orders_2023 values (1);
