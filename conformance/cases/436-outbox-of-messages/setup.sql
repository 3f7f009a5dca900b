create table o(id int primary key);
