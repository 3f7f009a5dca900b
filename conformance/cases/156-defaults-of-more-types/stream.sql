insert into d (id, tsa) values (3, '{}');
insert into d values (4, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null);
