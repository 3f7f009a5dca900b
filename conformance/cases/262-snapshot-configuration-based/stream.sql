insert into u values (100, 'later');
