create table z(id int primary key, tz timestamptz, kept timestamptz, ts timestamp, ts3 timestamp(3), d date);
alter table z replica identity full;
