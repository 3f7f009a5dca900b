//! What is read: rows that change, and rows that are there.

/// Database of everything that is measured.
pub const DATABASE: &str = "postgres";
/// What is captured: few columns, many, and whole old rows with every update.
pub const TABLES: &str = "public.narrow,public.wide,public.full_rows";
/// The same as a publication lists it.
pub const PUBLISHED: &str = "narrow, wide, full_rows";
/// Makes them.
pub const SCHEMA: &str = "create table narrow(id bigint primary key, n int not null, t text not null);
    create table full_rows(id bigint primary key, n int not null, t text not null);
    alter table full_rows replica identity full;
    create table wide(id bigint primary key, a int, b int, c bigint, d bigint, e numeric(12,2), f numeric(12,2), g text, h text, i text,
        j text, k timestamptz, l timestamptz, m date, n date, o boolean, p boolean, q double precision, r uuid, s text);";

/// Rows of one transaction in the load of large transactions.
const ROWS_PER_TRANSACTION: u64 = 10_000;
const NARROW_ROW: &str = "i, i % 1000, 'row ' || i";
const WIDE_ROW: &str = "i, i % 1000, i % 77, i * 3, i * 7, i % 100000 / 100.0, i % 999 / 10.0, 'name ' || i, 'street ' || i % 500, 'city', \
    md5(i::text), '2026-01-01'::timestamptz + i * interval '1 s', '2026-02-01', '2026-01-01', '2026-01-02', i % 2 = 0, true, i / 7.0, \
    md5((i % 100)::text)::uuid, 'status'";

/// How much of each.
#[derive(Clone, Copy, Debug)]
pub struct Sizes {
    /// Narrow rows of a stream; of wide and of changed ones half as many.
    pub rows: u64,
    /// Transactions of one row.
    pub commits: u64,
    /// Rows of a transaction that is read once; 0: none is.
    pub big: u64,
}

/// Rows that change: what is read from the stream.
#[derive(Debug)]
pub struct Load {
    /// What the table of results calls it.
    pub name: &'static str,
    /// How many events it gives.
    pub events: u64,
    /// Writes it.
    pub sql: String,
    /// Whether it is written and read once, not in every round.
    pub once: bool,
}

/// A table that is read once, for each reader anew.
#[derive(Debug)]
pub struct Shot {
    /// What the table of results calls it.
    pub name: &'static str,
    /// The table.
    pub table: &'static str,
    /// How many rows it has.
    pub rows: u64,
    columns: &'static str,
    row: &'static str,
}

impl Sizes {
    /// The rows that the updates change.
    pub fn changed(&self) -> u64 {
        (self.rows / 2).max(1)
    }

    /// Writes the rows that the updates change.
    pub fn preparation(&self) -> String {
        let insert = format!("insert into full_rows select {NARROW_ROW}");
        transactions(&insert, 0, self.changed(), ROWS_PER_TRANSACTION)
    }

    /// The loads of a round, counted from 0. Their rows are new in each.
    pub fn loads(&self, round: u64) -> Vec<Load> {
        let Sizes { rows, commits, big } = *self;
        let (part, base) = (self.changed(), round * (2 * rows + commits));
        let narrow = format!("insert into narrow select {NARROW_ROW}");
        let wide = format!("insert into wide select {WIDE_ROW}");
        let load = |name, events, sql| Load { name, events, sql, once: false };
        let mut loads = vec![
            load("10k-row transactions", rows, transactions(&narrow, base, rows, ROWS_PER_TRANSACTION)),
            load("one-row transactions", commits, transactions(&narrow, base + rows, commits, 1)),
            load("one transaction", rows, transactions(&narrow, base + rows + commits, rows, rows)),
            load(
                "20 columns, 10k-row transactions",
                part,
                transactions(&wide, round * part, part, ROWS_PER_TRANSACTION),
            ),
            load("updates with whole old rows", part, "update full_rows set n = n + 1;".to_owned()),
        ];
        if round == 0 && big > 0 {
            // Below zero: where no other load is. The probes of the latency are there, too, few and later.
            let insert = "insert into narrow select -1000000 - i, i % 1000, 'row ' || i";
            let sql = transactions(insert, 0, big, big);
            loads.push(Load { name: "one big transaction", events: big, sql, once: true });
        }
        loads
    }

    /// The tables for snapshots.
    pub fn shots(&self) -> [Shot; 2] {
        let narrow = "id bigint, n int, t text";
        [
            Shot { name: "snapshot", table: "shot", rows: self.rows * 4, columns: narrow, row: NARROW_ROW },
            Shot {
                name: "snapshot, 20 columns",
                table: "shot_wide",
                rows: self.rows,
                columns: "like wide",
                row: WIDE_ROW,
            },
        ]
    }
}

impl Shot {
    /// Makes and fills the table.
    pub fn sql(&self) -> String {
        let Shot { table, rows, columns, row, .. } = self;
        format!(
            "create table {table}({columns}); insert into {table} select {row} from generate_series(1, {rows}) i;
             alter table {table} add primary key (id);"
        )
    }
}

/// SQL that runs `insert` for `rows` values of `i` from `first` on, `size` of them in each transaction.
fn transactions(insert: &str, first: u64, rows: u64, size: u64) -> String {
    format!(
        "set synchronous_commit = off;
         do $$ declare base bigint := {first}; begin
           while base < {first} + {rows} loop
             {insert} from generate_series(base, least(base + {size}, {first} + {rows}) - 1) i;
             commit;
             base := base + {size};
           end loop;
         end $$;"
    )
}
