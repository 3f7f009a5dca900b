insert into t values (100, 'later');
