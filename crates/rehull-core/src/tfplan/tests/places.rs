//! Where a plan may be applied is a part of what is approved.

use super::plans;
use super::*;
use crate::domain::ids::{AccountId, ClusterName, Region};

/// Environments differ in data only: what one of them wants, the next one wants word for word.
#[test]
fn the_same_infrastructure_of_another_cluster_account_region_or_module_is_another_approval() {
    let place = || Place {
        cluster: ClusterName::new("dev"),
        account: AccountId::new("123456789012"),
        region: Region::new("ap-northeast-1"),
        module: "../terraform/environments/dev/base".to_owned(),
    };
    let manifest = |place: Place| {
        let plan = plans::alone("aws_security_group", &["update"], "ingress");
        let setting = Setting {
            of: Belongs::Module(place),
            ..keyed()
        };
        let decision = decide(plan.to_string().as_bytes(), &infrastructure(), &setting).unwrap();
        decision.manifest.expect("a plan that may be approved")
    };
    let approved = manifest(place());
    assert_eq!(approved.digest(), manifest(place()).digest());
    let others = [
        (
            "cluster",
            Place {
                cluster: ClusterName::new("prod"),
                ..place()
            },
        ),
        (
            "account",
            Place {
                account: AccountId::new("210987654321"),
                ..place()
            },
        ),
        (
            "region",
            Place {
                region: Region::new("eu-central-1"),
                ..place()
            },
        ),
        (
            "module",
            Place {
                module: "../terraform/environments/dev/groups".to_owned(),
                ..place()
            },
        ),
    ];
    for (what, other) in others {
        let other = manifest(other);
        assert_ne!(approved.digest(), other.digest(), "{what}");
        let told: Vec<String> = approved
            .differences(&other)
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(told, [format!("{what} is not as approved")]);
    }
}
