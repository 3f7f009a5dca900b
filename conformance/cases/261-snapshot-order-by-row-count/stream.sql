insert into c values (100);
