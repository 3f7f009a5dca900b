insert into t values (2, 'happy', 1234.5, '1234.5', '1 day 2 hours', '\xdeadbeef00', '2020-01-02', '10:11:12', '2020-01-02 10:11:12', '"kkkk"=>"vvvv"', 'longtext', 'fat & cat', '[1,5)', B'10101010101010101010101010101010101010101010', 'eeeeeeeeee');
delete from t where id = 2;
