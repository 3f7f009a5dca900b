create table t (id int primary key, n int default 7, m text default 'x', c text default 'abcd', v text);
create table u (n int default 7, v text);
create unique index u_n on u (n);
alter table t replica identity full;
alter table u replica identity full;
