//! Roles, policies, profiles, keys, and what a bucket is told to be.

use super::bench::Bench;
use super::networks::{rows, text};
use crate::world::api::s3::{Content, Operation, Put, PutCondition, Response, Setting};
use crate::world::query::Service::{Iam, Kms};

const DOCUMENT: &str = r#"{"Version":"2012-10-17","Statement":[]}"#;

#[test]
fn a_role_goes_when_nothing_hangs_on_it() {
    let mut bench = Bench::fast();
    let role = ("RoleName", "machine");
    let made = bench.query(
        Iam,
        "CreateRole",
        &[role, ("Path", "/m/"), ("AssumeRolePolicyDocument", DOCUMENT)],
    );
    assert_eq!(
        text(&made.unwrap(), "Role.Arn"),
        "arn:aws:iam::111122223333:role/m/machine"
    );
    assert_eq!(
        bench.query(Iam, "CreateRole", &[role, ("AssumeRolePolicyDocument", DOCUMENT)]),
        Err("EntityAlreadyExists")
    );
    assert_eq!(
        bench.query(Iam, "UpdateAssumeRolePolicy", &[role, ("PolicyDocument", "{")]),
        Err("MalformedPolicyDocument")
    );
    let policy = bench
        .query(
            Iam,
            "CreatePolicy",
            &[("PolicyName", "p"), ("PolicyDocument", DOCUMENT)],
        )
        .unwrap();
    let arn = text(&policy, "Policy.Arn");
    let (inline, attached) = (("PolicyName", "in"), ("PolicyArn", arn.as_str()));
    let profile = ("InstanceProfileName", "machine");
    for (action, said) in [
        ("PutRolePolicy", vec![role, inline, ("PolicyDocument", DOCUMENT)]),
        ("AttachRolePolicy", vec![role, attached]),
        ("CreateInstanceProfile", vec![profile]),
        ("AddRoleToInstanceProfile", vec![profile, role]),
    ] {
        bench.query(Iam, action, &said).expect(action);
    }
    let told = bench.query(Iam, "GetRolePolicy", &[role, inline]).unwrap();
    assert_eq!(
        text(&told, "PolicyDocument"),
        "%7B%22Version%22%3A%222012-10-17%22%2C%22Statement%22%3A%5B%5D%7D"
    );
    assert_eq!(
        bench.query(Iam, "DeletePolicy", &[attached]),
        Err("DeleteConflict")
    );
    for (action, said) in [
        ("RemoveRoleFromInstanceProfile", vec![profile, role]),
        ("DetachRolePolicy", vec![role, attached]),
        ("DeleteRolePolicy", vec![role, inline]),
    ] {
        assert_eq!(
            bench.query(Iam, "DeleteRole", &[role]),
            Err("DeleteConflict"),
            "before {action}"
        );
        bench.query(Iam, action, &said).expect(action);
    }
    bench.query(Iam, "DeleteRole", &[role]).unwrap();
    assert_eq!(bench.query(Iam, "GetRole", &[role]), Err("NoSuchEntity"));
}

#[test]
fn a_policy_has_five_versions_and_one_that_counts() {
    let mut bench = Bench::fast();
    let made = bench
        .query(
            Iam,
            "CreatePolicy",
            &[("PolicyName", "p"), ("PolicyDocument", DOCUMENT)],
        )
        .unwrap();
    let arn = text(&made, "Policy.Arn");
    let policy = ("PolicyArn", arn.as_str());
    let next = [policy, ("PolicyDocument", DOCUMENT), ("SetAsDefault", "true")];
    for _ in 0..4 {
        bench.query(Iam, "CreatePolicyVersion", &next).unwrap();
    }
    assert_eq!(
        bench.query(Iam, "CreatePolicyVersion", &next),
        Err("LimitExceeded")
    );
    assert_eq!(bench.query(Iam, "DeletePolicy", &[policy]), Err("DeleteConflict"));
    let told = bench.query(Iam, "GetPolicy", &[policy]).unwrap();
    assert_eq!(text(&told, "Policy.DefaultVersionId"), "v5");
    assert_eq!(
        bench.query(Iam, "DeletePolicyVersion", &[policy, ("VersionId", "v5")]),
        Err("DeleteConflict")
    );
    for version in ["v1", "v2", "v3", "v4"] {
        bench
            .query(Iam, "DeletePolicyVersion", &[policy, ("VersionId", version)])
            .unwrap();
    }
    let left = bench.query(Iam, "ListPolicyVersions", &[policy]).unwrap();
    assert_eq!(rows(&left, "Versions"), 1);
    bench.query(Iam, "DeletePolicy", &[policy]).unwrap();
}

#[test]
fn a_key_waits_for_its_end_and_an_alias_names_one() {
    let mut bench = Bench::fast();
    let made = bench.query(Kms, "CreateKey", &[("Description", "d")]).unwrap();
    let id = text(&made, "KeyMetadata.KeyId");
    let key = ("KeyId", id.as_str());
    bench
        .query(
            Kms,
            "CreateAlias",
            &[("AliasName", "alias/a"), ("TargetKeyId", &id)],
        )
        .unwrap();
    let by_alias = bench.query(Kms, "DescribeKey", &[("KeyId", "alias/a")]).unwrap();
    assert_eq!(text(&by_alias, "KeyMetadata.KeyId"), id);
    bench.query(Kms, "EnableKeyRotation", &[key]).unwrap();
    let rotation = bench.query(Kms, "GetKeyRotationStatus", &[key]).unwrap();
    assert_eq!(text(&rotation, "KeyRotationEnabled"), "true");
    let end = |days| [key, ("PendingWindowInDays", days)];
    assert_eq!(
        bench.query(Kms, "ScheduleKeyDeletion", &end("6")),
        Err("ValidationException")
    );
    bench.query(Kms, "ScheduleKeyDeletion", &end("30")).unwrap();
    let told = bench.query(Kms, "DescribeKey", &[key]).unwrap();
    assert_eq!(text(&told, "KeyMetadata.KeyState"), "PendingDeletion");
    assert_eq!(
        bench.query(Kms, "DisableKey", &[key]),
        Err("KMSInvalidStateException")
    );
    assert_eq!(
        bench.query(Kms, "DescribeKey", &[("KeyId", "none")]),
        Err("NotFoundException")
    );
}

#[test]
fn a_setting_of_a_bucket_is_told_as_it_was_set() {
    let mut bench = Bench::fast();
    bench.s3("one", Operation::CreateBucket).unwrap();
    let get = Operation::GetSetting(Setting::Lifecycle);
    let missing = bench.s3("one", get.clone()).unwrap_err();
    assert_eq!(
        (missing.status, missing.code),
        (404, "NoSuchLifecycleConfiguration")
    );
    let document = "<LifecycleConfiguration/>".to_owned();
    bench
        .s3("one", Operation::PutSetting(Setting::Lifecycle, document.clone()))
        .unwrap();
    assert_eq!(
        bench.s3("one", get.clone()),
        Ok(Response::Setting(Setting::Lifecycle, document))
    );
    bench
        .s3("one", Operation::DeleteSetting(Setting::Lifecycle))
        .unwrap();
    assert!(bench.s3("one", get).is_err());
    let acl = Operation::PutSetting(Setting::Acl, "<AccessControlPolicy/>".to_owned());
    assert_eq!(
        bench.s3("one", acl).unwrap_err().code,
        "AccessControlListNotSupported"
    );
    let policy = Operation::PutSetting(Setting::Policy, "{".to_owned());
    assert_eq!(bench.s3("one", policy).unwrap_err().code, "MalformedPolicy");
}

#[test]
fn a_bucket_with_a_former_version_is_not_empty() {
    let mut bench = Bench::fast();
    bench.s3("one", Operation::CreateBucket).unwrap();
    bench.s3("one", Operation::SetVersioning(true)).unwrap();
    let put = Put {
        key: "k".to_owned(),
        content: Content {
            sha256: "s".to_owned(),
            md5: "m".to_owned(),
            size: 1,
        },
        condition: PutCondition::Always,
        content_type: None,
        metadata: std::collections::BTreeMap::new(),
    };
    bench.s3("one", Operation::Put(put)).unwrap();
    let delete = Operation::Delete {
        key: "k".to_owned(),
        if_match: None,
    };
    bench.s3("one", delete).unwrap();
    let refused = bench.s3("one", Operation::DeleteBucket).unwrap_err();
    assert_eq!((refused.status, refused.code), (409, "BucketNotEmpty"));
    bench.s3("two", Operation::CreateBucket).unwrap();
    bench.s3("two", Operation::DeleteBucket).unwrap();
    assert_eq!(
        bench.s3("two", Operation::HeadBucket).unwrap_err().code,
        "NoSuchBucket"
    );
}
