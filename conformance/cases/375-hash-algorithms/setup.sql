create table d(id int primary key, a0 text, a1 text, a2 text, a3 text, a4 text, a5 text, a6 text, a7 text, a8 text, a9 text, a10 text, a11 text, a12 text, a13 text, a14 text);
create table l(id int primary key, a text);
