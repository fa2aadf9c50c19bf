//! PostgreSQL's programs, which the tests of the store start servers of their own with.

use std::path::Path;

use crate::step::{Step, find};

/// Installs them where they are missing and this can be done unasked: by root, with apt. Elsewhere the tests say what to do.
pub(crate) fn install_missing(root: &Path) -> Result<(), String> {
    if is_installed() || !is_root() || find("apt-get").is_none() {
        return Ok(());
    }
    Step::new("what the store's tests need: the list of packages", "apt-get", ["update", "--quiet"], root).run()?;
    let args = ["install", "--quiet", "--yes", "--no-install-recommends", "postgresql", "pgbouncer"];
    Step::new("what the store's tests need", "apt-get", args, root).env("DEBIAN_FRONTEND", "noninteractive").run()
}

/// Debian keeps the server's programs out of the path, one folder for each version.
fn is_installed() -> bool {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten();
    let server =
        find("initdb").is_some() || versions.flatten().any(|version| version.path().join("bin/initdb").is_file());
    server && has_pgbouncer()
}

/// Debian keeps it where only root looks.
fn has_pgbouncer() -> bool {
    find("pgbouncer").is_some() || Path::new("/usr/sbin/pgbouncer").is_file()
}

/// The store's tests once more, behind a PgBouncer that pools transactions; `None` where there is no PgBouncer.
pub(crate) fn behind_pgbouncer(root: &Path) -> Option<Step> {
    let args = ["test", "--package", "monite-bridge", "--lib", "--locked", "store::postgres::tests"];
    has_pgbouncer().then(|| Step::cargo("the store behind PgBouncer", &args, root).env("BEHIND_PGBOUNCER", "1"))
}

fn is_root() -> bool {
    std::fs::metadata("/proc/self").is_ok_and(|me| std::os::unix::fs::MetadataExt::uid(&me) == 0)
}
