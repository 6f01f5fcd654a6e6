//! Every kind of "no" of EC2 and STS, and that a mutation is sent once whatever comes back.

use std::collections::BTreeMap;
use std::time::Duration;

use rehull_core::domain::desired::{AwsTarget, ObjectLocation};
use rehull_core::domain::ids::{AccountId, ClusterName, InstanceId, LaunchTemplateName, Region, Token};
use rehull_core::ports::{LaunchRequest, Machines, PortError, Rule};

use super::super::replay::{Answer, Replay};
use super::super::{AccessKeys, AwsClients, AwsMachines};
use crate::adapters::plain::is_for_people;

fn machines(clients: AwsClients) -> AwsMachines {
    let artefacts = ObjectLocation {
        bucket: "dev".to_owned(),
        prefix: "artefacts/".to_owned(),
    };
    AwsMachines::new(clients, &artefacts, &ClusterName::new("dev"))
}

fn request() -> LaunchRequest {
    LaunchRequest {
        template: LaunchTemplateName::new("dev-etcd-a"),
        version: "7".parse().unwrap(),
        tags: BTreeMap::from([("rehull:slot".to_owned(), "etcd-a".to_owned())]),
        token: Token::new("0123456789abcdef0123456789abcdef"),
    }
}

/// RunInstances with this answer; also proves that it was sent exactly once.
async fn launch_answered(answer: Answer) -> PortError {
    let replay = Replay::of([answer]);
    let error = machines(replay.clients().await)
        .launch(&request())
        .await
        .unwrap_err();
    assert_eq!(replay.sent().len(), 1, "a mutation is never repeated: {error:?}");
    error
}

fn refused(rule: Rule, text: &str) -> PortError {
    PortError::Refused {
        rule,
        text: text.to_owned(),
    }
}

#[tokio::test]
async fn a_launch_names_the_version_by_number_and_carries_its_token() {
    let replay = Replay::of([Answer::new(
        200,
        "<RunInstancesResponse><instancesSet><item><instanceId>i-0aa</instanceId></item></instancesSet></RunInstancesResponse>",
    )]);
    let id = machines(replay.clients().await).launch(&request()).await.unwrap();
    assert_eq!(id, InstanceId::new("i-0aa"));

    let sent = replay.sent();
    for part in [
        "Action=RunInstances",
        "LaunchTemplate.LaunchTemplateName=dev-etcd-a",
        "LaunchTemplate.Version=7",
        "ClientToken=0123456789abcdef0123456789abcdef",
        "MinCount=1",
        "MaxCount=1",
        "TagSpecification.1.ResourceType=instance",
        "TagSpecification.1.Tag.1.Key=rehull%3Aslot",
    ] {
        assert!(sent[0].body.contains(part), "{part} is not in {}", sent[0].body);
    }
}

#[tokio::test]
async fn the_shell_s_endpoint_is_not_taken_when_the_cluster_file_names_none() {
    let replay = Replay::of([
        Answer::ec2(400, "Whatever", "x"),
        Answer::ec2(400, "Whatever", "x"),
    ]);
    let clients = replay.clients().await;
    drop(machines(clients.clone()).launch(&request()).await);
    drop(clients.whoami().await);
    let uris: Vec<String> = replay.sent().into_iter().map(|sent| sent.uri).collect();
    assert_eq!(
        uris,
        [
            "https://ec2.ap-northeast-1.amazonaws.com/",
            "https://sts.ap-northeast-1.amazonaws.com/"
        ]
    );
}

#[tokio::test]
async fn refusals_are_told_apart_by_their_code() {
    for (status, code, rule) in [
        // AWS sends capacity errors with a 5xx: the code decides, or a full zone would look like a lost answer.
        (500, "InsufficientInstanceCapacity", Rule::InsufficientCapacity),
        (
            400,
            "InsufficientFreeAddressesInSubnet",
            Rule::InsufficientCapacity,
        ),
        (400, "InstanceLimitExceeded", Rule::LimitExceeded),
        (400, "VcpuLimitExceeded", Rule::LimitExceeded),
        (400, "AttachmentLimitExceeded", Rule::LimitExceeded),
        (400, "IncorrectState", Rule::Busy),
        (400, "IncorrectInstanceState", Rule::Busy),
        (400, "VolumeInUse", Rule::Busy),
        (400, "InvalidNetworkInterface.InUse", Rule::Busy),
        (400, "InvalidVolume.ZoneMismatch", Rule::Invalid),
        (400, "InvalidParameterValue", Rule::Invalid),
        (400, "InvalidAMIID.NotFound", Rule::Invalid),
        (400, "MissingParameter", Rule::Invalid),
        (400, "IdempotentParameterMismatch", Rule::Invalid),
        (400, "Unsupported", Rule::Invalid),
        (400, "OperationNotPermitted", Rule::Other),
        (400, "SomethingNobodyHasSeen", Rule::Other),
    ] {
        let error = launch_answered(Answer::ec2(status, code, "their words")).await;
        assert_eq!(
            error,
            refused(rule, &format!("{code}: their words")),
            "{status} {code}"
        );
    }
}

#[tokio::test]
async fn throttling_says_for_how_long() {
    let plain = Answer::ec2(503, "RequestLimitExceeded", "Request limit exceeded.");
    let default = PortError::Throttled {
        after: Duration::from_secs(2),
    };
    assert_eq!(launch_answered(plain.clone()).await, default);

    let asked = PortError::Throttled {
        after: Duration::from_secs(7),
    };
    assert_eq!(
        launch_answered(plain.clone().header("retry-after", "7")).await,
        asked
    );

    let bounded = PortError::Throttled {
        after: Duration::from_secs(30),
    };
    assert_eq!(
        launch_answered(plain.header("retry-after", "86400")).await,
        bounded
    );
}

#[tokio::test]
async fn what_may_have_happened_is_said_to_be_unknown() {
    for answer in [
        Answer::ec2(500, "InternalError", "An internal error has occurred"),
        Answer::ec2(503, "Unavailable", "The server is overloaded"),
        Answer::new(502, "<html>Bad Gateway</html>"),
        Answer::new(
            200,
            "<RunInstancesResponse><instancesSet/></RunInstancesResponse>",
        ),
        Answer::new(200, "cut o"),
    ] {
        let error = launch_answered(answer.clone()).await;
        assert!(
            matches!(error, PortError::OutcomeUnknown { .. }),
            "{answer:?}: {error:?}"
        );
        assert!(is_for_people(&error.to_string()), "{answer:?}: {error}");
    }
}

#[tokio::test]
async fn a_denial_names_the_permission_that_is_missing() {
    let text = "You are not authorized to perform this operation. User: arn:aws:sts::111122223333:assumed-role/ci/x is \
                not authorized to perform: iam:PassRole on resource: arn:aws:iam::111122223333:role/etcd because no \
                identity-based policy allows the iam:PassRole action. Encoded authorization failure message: AbCdEf";
    let PortError::Denied { action } = launch_answered(Answer::ec2(403, "UnauthorizedOperation", text)).await
    else {
        panic!("not a denial")
    };
    assert!(
        action.starts_with("iam:PassRole (UnauthorizedOperation: "),
        "{action}"
    );
    assert!(!action.contains("AbCdEf"), "{action}");

    let PortError::Denied { action } = launch_answered(Answer::ec2(401, "AuthFailure", "no such key")).await
    else {
        panic!("not a denial")
    };
    assert_eq!(action, "ec2:RunInstances (AuthFailure: no such key)");
}

#[tokio::test]
async fn expired_credentials_can_be_renewed_while_we_wait() {
    let error = launch_answered(Answer::ec2(400, "ExpiredToken", "The security token has expired")).await;
    let PortError::NotSent { why } = &error else {
        panic!("{error:?}")
    };
    assert!(
        why.contains("have expired") && why.contains("sign in again"),
        "{why}"
    );
    assert!(error.is_passing());
}

#[tokio::test]
async fn an_unknown_instance_is_not_yet_there_or_gone_by_what_is_done_to_it() {
    let unknown = || {
        Replay::of([Answer::ec2(
            400,
            "InvalidInstanceID.NotFound",
            "The instance ID 'i-0aa' does not exist",
        )])
    };
    let id = InstanceId::new("i-0aa");

    let tagged = machines(unknown().clients().await)
        .tag(&id, &BTreeMap::new())
        .await;
    assert!(
        matches!(tagged, Err(PortError::NotYetVisible { .. })),
        "{tagged:?}"
    );

    let terminated = machines(unknown().clients().await).terminate(&id).await;
    assert!(
        matches!(terminated, Err(PortError::Gone { .. })),
        "{terminated:?}"
    );
}

#[tokio::test]
async fn a_template_version_made_a_moment_ago_may_not_be_visible_yet() {
    for code in [
        "InvalidLaunchTemplateName.NotFoundException",
        "InvalidLaunchTemplateId.VersionNotFound",
    ] {
        let error = launch_answered(Answer::ec2(400, code, "does not exist")).await;
        assert!(
            matches!(error, PortError::NotYetVisible { .. }),
            "{code}: {error:?}"
        );
    }
}

async fn real_clients(endpoint: String) -> AwsClients {
    let target = AwsTarget {
        account: AccountId::new("111122223333"),
        region: Region::new("ap-northeast-1"),
        endpoint: Some(endpoint),
    };
    AwsClients::with_keys(
        &target,
        &AccessKeys {
            id: "test".to_owned(),
            secret: "test".to_owned(),
        },
    )
    .await
}

#[tokio::test]
async fn a_refused_connection_is_certainly_not_sent() {
    // The port was free a moment ago, so nothing listens there.
    let address = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let error = machines(real_clients(format!("http://{address}")).await)
        .launch(&request())
        .await
        .unwrap_err();
    assert_eq!(
        error,
        PortError::NotSent {
            why: "connection refused: nothing listens there".to_owned()
        }
    );
}

#[tokio::test]
async fn a_server_that_does_not_speak_tls_got_no_request() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = tokio::spawn(async move {
        use tokio::io::AsyncWriteExt as _;
        let (mut connection, _) = listener.accept().await.unwrap();
        connection
            .write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            .await
            .unwrap();
    });
    let error = machines(real_clients(format!("https://{address}")).await)
        .launch(&request())
        .await
        .unwrap_err();
    assert!(matches!(error, PortError::NotSent { .. }), "{error:?}");
    assert!(is_for_people(&error.to_string()), "{error}");
    server.await.unwrap();
}

#[tokio::test]
async fn a_connection_that_ends_before_the_answer_leaves_the_outcome_unknown() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = tokio::spawn(async move {
        use tokio::io::AsyncReadExt as _;
        let (mut connection, _) = listener.accept().await.unwrap();
        let mut request = [0; 4096];
        assert_ne!(connection.read(&mut request).await.unwrap(), 0);
    });
    let error = machines(real_clients(format!("http://{address}")).await)
        .launch(&request())
        .await
        .unwrap_err();
    assert!(matches!(error, PortError::OutcomeUnknown { .. }), "{error:?}");
    assert_eq!(
        error.to_string(),
        "outcome unknown: ec2:RunInstances: the connection broke off"
    );
    server.await.unwrap();
}
