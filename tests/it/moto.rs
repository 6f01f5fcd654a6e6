//! A `moto_server` (a double of AWS that nobody here wrote) for the length of the test run.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use rehull::adapters::aws::AccessKeys;
use tokio::sync::OnceCell;

use crate::account::{Double, REGION};

/// Set by the Makefile to the pinned one.
const VARIABLE: &str = "REHULL_MOTO_SERVER";
/// Python imports botocore's models before it listens; two busy cores need a while for that.
const START_LIMIT: Duration = Duration::from_secs(60);

static SERVER: OnceLock<Option<Server>> = OnceLock::new();
static DOUBLE: OnceCell<Double> = OnceCell::const_new();

struct Server {
    endpoint: String,
    /// Holds the pipe whose end ends the server, even if this process is killed.
    _child: Child,
}

/// The one server of this run; `None` if there is no `moto_server` (the reason has been printed then).
pub(crate) async fn double(test: &str) -> Option<&'static Double> {
    let server = SERVER.get_or_init(|| match binary() {
        Some(binary) => Some(start(&binary)),
        None if std::env::var_os("CI").is_some() => {
            panic!(
                "no moto_server: set {VARIABLE} to its path, or run `tools/setup.sh test`, which installs it"
            )
        }
        None => None,
    });
    let Some(server) = server else {
        eprintln!("SKIPPED {test}: no moto_server ({VARIABLE} or PATH); `tools/setup.sh test` installs it");
        return None;
    };
    Some(DOUBLE.get_or_init(|| furnish(&server.endpoint)).await)
}

fn binary() -> Option<PathBuf> {
    let named = std::env::var_os(VARIABLE)
        .map(PathBuf::from)
        .filter(|file| file.is_file());
    let path = std::env::var_os("PATH").unwrap_or_default();
    named.or_else(|| {
        std::env::split_paths(&path)
            .map(|directory| directory.join("moto_server"))
            .find(|file| file.is_file())
    })
}

fn start(binary: &Path) -> Server {
    let port = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    // The shell waits for the end of its input, which is the end of this process, however it ends.
    let script = "exec 3<&0; \"$0\" \"$@\" <&- 3<&- >/dev/null 2>&1 & read -r _ <&3; kill $!";
    let mut child = Command::new("sh")
        .args(["-c", script])
        .arg(binary)
        .args(["-H", "127.0.0.1", "-p", &port.to_string()])
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    let began = Instant::now();
    while TcpStream::connect(address).is_err() {
        assert!(
            began.elapsed() < START_LIMIT,
            "`{}` does not listen on {address}",
            binary.display()
        );
        assert!(
            child.try_wait().unwrap().is_none(),
            "`{}` ended at once",
            binary.display()
        );
        std::thread::sleep(Duration::from_millis(50));
    }
    Server {
        endpoint: format!("http://{address}"),
        _child: child,
    }
}

/// The instance profile is made through the plain wire: it is all that these tests need of IAM.
async fn furnish(endpoint: &str) -> Double {
    let request = "Action=CreateInstanceProfile&Version=2010-05-08&InstanceProfileName=dev-etcd";
    // moto reads service and region from the signature and does not check it.
    let scope = format!("Credential=test/20261121/{REGION}/iam/aws4_request");
    let answer = reqwest::Client::new()
        .post(endpoint)
        .header(
            "authorization",
            format!("AWS4-HMAC-SHA256 {scope}, SignedHeaders=host, Signature=00"),
        )
        .header("x-amz-date", "20261121T000000Z")
        .body(request)
        .send()
        .await
        .unwrap();
    assert!(answer.status().is_success(), "{answer:?}");
    Double {
        endpoint: endpoint.to_owned(),
        // moto's own account and one of its images.
        account: "123456789012".to_owned(),
        keys: AccessKeys {
            id: "test".to_owned(),
            secret: "test".to_owned(),
        },
        image: "ami-03cf127a".to_owned(),
        profile: "dev-etcd".to_owned(),
    }
}
