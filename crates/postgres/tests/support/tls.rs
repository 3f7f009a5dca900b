//! A certificate that signs itself, and a server that shows it.

use std::path::{Path, PathBuf};
use std::process::Command;

use tailwater_testkit::{Postgres, StopMode};

/// Makes `NAME.key` and `NAME.crt` for the host `localhost`; gives the certificate.
pub fn self_signed(folder: &Path, name: &str) -> PathBuf {
    let certificate = folder.join(format!("{name}.crt"));
    let made = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"])
        .args(["-addext", "subjectAltName=DNS:localhost", "-keyout"])
        .arg(folder.join(format!("{name}.key")))
        .arg("-out")
        .arg(&certificate)
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    certificate
}

/// Restarts the server with TLS on.
pub fn enable(server: &mut Postgres, certificate: &Path) {
    use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
    for extension in ["key", "crt"] {
        let to = server.data_dir().join("server").with_extension(extension);
        std::fs::copy(certificate.with_extension(extension), &to).unwrap();
        // The server reads only a key that is its own and nobody else's.
        let owner = std::fs::metadata(server.data_dir()).unwrap();
        chown(&to, Some(owner.uid()), Some(owner.gid())).unwrap();
        std::fs::set_permissions(&to, std::fs::Permissions::from_mode(0o600)).unwrap();
    }
    server.psql("postgres", "alter system set ssl = on;");
    server.restart(StopMode::Fast);
}
