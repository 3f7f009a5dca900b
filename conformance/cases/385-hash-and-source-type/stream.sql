insert into a values (2, 'secret', 'secret', 'secret', 'secret');
insert into b values (2, 'secret', 'secret', 'secret', 'secret');
