//! Changes that do more than their verb says.

use serde_json::json;

use super::{Danger, MISSING, beside, only, update};
use crate::tfplan::tests::plans;

pub(super) const DANGERS: &[Danger] = &[
    (
        "a lifecycle configuration for a bucket that is there: what it was set to before is gone",
        || {
            only(&[plans::change(
                "aws_s3_bucket_lifecycle_configuration",
                &["create"],
                "rule",
            )])
        },
        &["gate::bucket", MISSING],
        &["gate::bucket"],
    ),
    (
        "a name that somebody else has made, taken over",
        || {
            let mut change = plans::change("aws_route53_record", &["create"], "ttl");
            change["change"]["after"]["allow_overwrite"] = json!(true);
            only(&[change])
        },
        &["gate::name", MISSING],
        &["gate::name"],
    ),
    (
        "a tag of a group that starts an instance refresh",
        || {
            let mut change = update("aws_autoscaling_group", "tag", json!([]), json!([{"key": "a"}]));
            for side in ["before", "after"] {
                change["change"][side]["instance_refresh"] = json!([{"triggers": ["tag"]}]);
            }
            beside(vec![change])
        },
        &["gate::group"],
        &["gate::group", "gate::launch_template"],
    ),
    (
        "the tag that says which data a volume holds, taken away",
        || {
            let held = json!({"rehull:cluster": "dev", "rehull:generation": "3"});
            let left = json!({"rehull:cluster": "dev"});
            only(&[update("aws_ebs_volume", "tags", held, left)])
        },
        &["gate::volume", MISSING],
        &["gate::volume"],
    ),
    (
        "an alarm that ends a machine",
        || {
            let act = json!(["arn:aws:automate:ap-northeast-1:ec2:terminate"]);
            only(&[update(
                "aws_cloudwatch_metric_alarm",
                "alarm_actions",
                json!([]),
                act,
            )])
        },
        &["gate::watch", MISSING],
        &["gate::watch"],
    ),
    (
        "a machine stopped by a schedule of somebody else's",
        || only(&[plans::change("aws_cloudwatch_event_target", &["create"], "arn")]),
        &["gate::operates", MISSING],
        &["gate::operates"],
    ),
];
