//! What happens in the demo's database.

use std::fmt::Write as _;

/// Tables to capture, and what is known of them.
pub const TABLES: [&str; 3] = ["public.customers", "bank.holding", PULSE];
/// The table of the latency measurement.
pub const PULSE: &str = "public.pulse";
/// How many customers there are.
pub const CUSTOMERS: usize = 1000;

/// The tables, before capture starts.
pub const SETUP: &str = r#"
CREATE TABLE public.customers (
    "customerId" integer PRIMARY KEY, "customerFName" varchar(45) NOT NULL, "customerLName" varchar(45) NOT NULL,
    "customerEmail" varchar(60) NOT NULL, "customerPassword" varchar(45) NOT NULL, "customerStreet" varchar(80) NOT NULL,
    "customerCity" varchar(45) NOT NULL, "customerState" char(2) NOT NULL, "customerZipcode" varchar(10) NOT NULL);
CREATE SCHEMA bank;
CREATE TABLE bank.holding (
    holding_id integer PRIMARY KEY, user_id integer, holding_stock varchar(8), holding_quantity integer,
    datetime_created timestamp, datetime_updated timestamp);
ALTER TABLE bank.holding REPLICA IDENTITY FULL;
INSERT INTO bank.holding VALUES (1000, 1, 'VFIAX', 10, now(), now());
CREATE TABLE public.pulse (id integer PRIMARY KEY, beat integer NOT NULL);
INSERT INTO public.pulse VALUES (1, 0);
"#;

/// Removes what [`SETUP`] made.
pub const TEARDOWN: &str =
    "DROP TABLE public.customers; DROP TABLE public.pulse; DROP TABLE bank.holding; DROP SCHEMA bank;";

/// A query that counts what [`SETUP`] would collide with.
pub const COLLISIONS: &str = "SELECT count(*) FROM (VALUES (to_regclass('public.customers')::oid), (to_regclass('public.pulse')), \
     (to_regclass('bank.holding')), (to_regnamespace('bank'))) AS t(x) WHERE x IS NOT NULL";

/// What happens live, statement by statement, with the number of changes that each makes.
pub const LIVE: [(&str, usize); 9] = [
    (r#"UPDATE customers SET "customerCity" = 'Ankara', "customerZipcode" = '06420' WHERE "customerId" = 3"#, 1),
    (r#"DELETE FROM customers WHERE "customerId" = 1"#, 1),
    ("INSERT INTO bank.holding VALUES (1001, 2, 'SP500', 1, now(), now())", 1),
    ("INSERT INTO bank.holding VALUES (1002, 3, 'SP500', 1, now(), now())", 1),
    ("UPDATE bank.holding SET holding_quantity = 100 WHERE holding_id = 1000", 1),
    ("DELETE FROM bank.holding WHERE user_id = 3", 1),
    ("DELETE FROM bank.holding WHERE user_id = 2", 1),
    ("INSERT INTO bank.holding VALUES (1003, 3, 'VTSAX', 100, now(), now())", 1),
    ("UPDATE bank.holding SET holding_quantity = 10 WHERE holding_id = 1003", 1),
];

const FIRST: [&str; 12] =
    ["Mary", "Ann", "Robert", "Melissa", "David", "Gary", "Emre", "Ayla", "Joan", "Carlos", "Wei", "Nina"];
const LAST: [&str; 11] =
    ["Smith", "Hernandez", "Barrett", "Wilcox", "Henderson", "O'Neil", "Yıldız", "Ellison", "Huff", "Johnson", "Park"];
const STREETS: [&str; 7] = [
    "Quiet Common",
    "Cotton Terrace",
    "Noble Pony Path",
    "Crystal Grounds",
    "Iron Hill",
    "Old Mill Run",
    "Dusty Wharf",
];
const CITIES: [(&str, &str, u32); 8] = [
    ("Brownsville", "TX", 78521),
    ("Littleton", "CO", 80126),
    ("Caguas", "PR", 725),
    ("San Marcos", "CA", 92069),
    ("Passaic", "NJ", 7055),
    ("Lawrence", "MA", 1841),
    ("Chicago", "IL", 60625),
    ("Peoria", "IL", 61602),
];

/// One statement that inserts the customers: the same rows each time.
pub fn customers() -> String {
    let mut sql = String::from("INSERT INTO public.customers VALUES ");
    let mut random = Lcg(20_260_101);
    for id in 1..=CUSTOMERS {
        let (first, last) = (random.pick(&FIRST), random.pick(&LAST));
        let (city, state, zip) = random.pick(&CITIES);
        let (number, street) = (random.below(9900) + 100, random.pick(&STREETS));
        let separator = if id == 1 { "" } else { "," };
        let last = last.replace('\'', "''");
        // Infallible: it writes into a string.
        let _ = write!(
            sql,
            "{separator}({id},'{first}','{last}','customer{id}@example.com','XXXXXXXXX','{number} {street}','{city}',\
             '{state}','{zip:05}')"
        );
    }
    sql
}

/// A linear congruential generator (Knuth's MMIX constants): enough for names of streets.
struct Lcg(u64);

impl Lcg {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap_or(0) % bound.max(1)
    }

    fn pick<T: Copy + Default>(&mut self, from: &[T]) -> T {
        from.get(self.below(from.len())).copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_customers_are_the_same_each_time_and_a_thousand() {
        let sql = customers();
        assert_eq!(sql, customers());
        assert_eq!(sql.matches("@example.com").count(), CUSTOMERS);
        let cities = CITIES.iter().filter(|(city, ..)| sql.contains(city)).count();
        assert_eq!(cities, CITIES.len());
    }
}
