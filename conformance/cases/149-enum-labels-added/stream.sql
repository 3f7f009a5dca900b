insert into e values (2, 'ok', '{sad}');
--@ fence
alter type mood add value 'great';
alter type mood add value 'awful' before 'sad';
insert into e values (3, 'great', '{sad}');
insert into e values (4, 'ok', '{awful,great}');
