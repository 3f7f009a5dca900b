update tm set n = 2;
update th set n = 2;
update tt set n = 2;
