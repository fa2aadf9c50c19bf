//! A PostgreSQL database whose `clock_timestamp()` says what a test wants. The store asks as ever; in this database another function of
//! that name is found first.

use jiff::Timestamp;
use sqlx::{Executor as _, PgConnection};
use tokio::sync::Mutex;

use crate::support::{Cluster, Place};

pub(super) struct ServerClock(Mutex<PgConnection>);

const FUNCTION: &str = "
    CREATE SCHEMA of_this_test;
    CREATE UNLOGGED TABLE of_this_test.clock (micros BIGINT NOT NULL);
    INSERT INTO of_this_test.clock VALUES (0);
    CREATE FUNCTION of_this_test.clock_timestamp() RETURNS timestamptz LANGUAGE sql VOLATILE AS $$
        SELECT timestamptz 'epoch' + micros * interval '1 microsecond' FROM of_this_test.clock
    $$;";

impl ServerClock {
    /// A new database with such a clock.
    pub(super) async fn install(now: Timestamp) -> (Place, Self) {
        let cluster = Cluster::get();
        let name = cluster.database().await;
        let mut connection = cluster.connect(&name).await;
        connection.execute(sqlx::raw_sql(FUNCTION)).await.unwrap();
        cluster.run(&format!("ALTER DATABASE {name} SET search_path = of_this_test, pg_catalog, public")).await;
        let this = Self(Mutex::new(connection));
        this.set(now).await;
        (Place::Server(cluster.url(&name)), this)
    }

    pub(super) async fn set(&self, now: Timestamp) {
        let sql = format!("UPDATE of_this_test.clock SET micros = {}", now.as_microsecond());
        let mut connection = self.0.lock().await;
        connection.execute(sqlx::raw_sql(sqlx::AssertSqlSafe(sql))).await.unwrap();
    }
}
