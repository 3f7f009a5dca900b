-- Columns of every type that the JDBC source connector has a form for, and some that it leaves out.
CREATE TYPE mood AS ENUM ('sad', 'ok');
CREATE DOMAIN positive AS int NOT NULL CHECK (VALUE > 0);
CREATE TABLE kinds (
    id int GENERATED ALWAYS AS IDENTITY,
    nid numeric(18,0) NOT NULL DEFAULT 7,
    b bool, b1 bit(1), b12 bit(12), vb varbit(5),
    i2 smallint, i4 int, i8 bigint, o oid, f4 real, f8 double precision, m money,
    n numeric, n20 numeric(2,0), n30 numeric(3,0), n50 numeric(5,0), n100 numeric(10,0), n52 numeric(5,2),
    n182 numeric(18,2), n190 numeric(19,0), n382 numeric(38,2),
    t text NOT NULL, vc varchar(10), c char(5), cc "char", nm name, by bytea,
    d date, tm time, tm3 time(3), tz timetz, ts timestamp, tsz timestamptz,
    j json, jb jsonb, u uuid, x xml, e mood, p positive,
    ia int[], iv interval, ip inet, pt point, r int4range,
    g int GENERATED ALWAYS AS (p * 2) STORED
);
INSERT INTO kinds (b, b1, b12, vb, i2, i4, i8, o, f4, f8, m, n, n20, n30, n50, n100, n52, n182, n190, n382,
    t, vc, c, cc, nm, by, d, tm, tm3, tz, ts, tsz, j, jb, u, x, e, p, ia, iv, ip, pt, r)
VALUES (true, '1', '000000000011', '101', -2, 3, 9007199254740993, 4294967295, 1.5, 0.1, '$4.56',
    12, 12, 123, 123, 1234567890, 1.5, 1234567.89, 1234567890123456789, 12.34,
    E'h\u00e9 "\\\t\u2028', 'abc', 'ab', 'z', 'nm', '\xdeadbeef',
    '2024-02-29', '10:11:12.123456', '10:11:12.123', '10:11:12.5+02',
    '2024-02-29 10:11:12.123456', '2024-02-29 10:11:12.123456+02',
    '{"a": 1}', '{"a": 1}', '00000000-0000-0000-0000-000000000001', '<a>1</a>', 'ok', 5,
    '{1}', '1 day', '10.0.0.1', '(1,2)', '[1,2)');
INSERT INTO kinds (t, p) VALUES ('', 1);
INSERT INTO kinds (t, p, b, b1, f4, f8, m, n, n20, n50, n52, n190, by, d, tm, ts, tsz)
VALUES ('edge', 1, false, '0', 'Infinity', 'NaN', '-$5.00', -7, -7, -99999, -0.01, -1, '\x',
    '1969-12-31', '24:00', '1969-12-31 23:59:59.9995', '1969-07-01 00:00+00');
INSERT INTO kinds (t, p, f4, f8, ts, tsz, d)
VALUES ('far', 1, 1e-7, 1e21, 'infinity', '-infinity', '9999-12-31');
