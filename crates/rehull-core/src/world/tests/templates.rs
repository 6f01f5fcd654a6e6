use super::bench::{Bench, data, named};
use crate::world::api::ec2::{
    CreateLaunchTemplateVersion, DescribeTemplateVersions, PageRequest, Request, Response,
};

fn version(change: impl FnOnce(&mut CreateLaunchTemplateVersion)) -> Request {
    let mut asked = CreateLaunchTemplateVersion {
        template: named("etcd-a"),
        source_version: None,
        description: Some("sha256:bb".to_owned()),
        data: data(),
        token: None,
    };
    change(&mut asked);
    Request::CreateLaunchTemplateVersion(Box::new(asked))
}

fn numbers(bench: &mut Bench, wanted: &[&str]) -> Vec<u64> {
    let asked = DescribeTemplateVersions {
        template: named("etcd-a"),
        versions: wanted.iter().map(|&name| name.to_owned()).collect(),
        min: None,
        max: None,
        page: PageRequest::default(),
    };
    match bench.ec2(Request::DescribeLaunchTemplateVersions(asked)) {
        Ok(Response::TemplateVersions(_, page)) => page.rows.iter().map(|row| row.number).collect(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn latest_moves_with_every_version_and_default_only_when_it_is_set() {
    let mut bench = Bench::fast();
    bench.template("etcd-a").unwrap();
    bench.ec2(version(|_| {})).unwrap();
    assert_eq!(numbers(&mut bench, &["$Latest"]), [2]);
    assert_eq!(numbers(&mut bench, &["$Default"]), [1]);
    let set = Request::ModifyLaunchTemplate {
        template: named("etcd-a"),
        default_version: "2".to_owned(),
    };
    bench.ec2(set).unwrap();
    assert_eq!(numbers(&mut bench, &["$Default"]), [2]);
    assert_eq!(numbers(&mut bench, &[]), [2, 1]);
}

/// `ec2-client-token`
#[test]
fn the_same_token_makes_one_version_and_other_content_under_it_is_refused() {
    let mut bench = Bench::fast();
    bench.template("etcd-a").unwrap();
    let with_token = || version(|asked| asked.token = Some("t".to_owned()));
    let first = bench.ec2(with_token()).unwrap();
    assert_eq!(bench.ec2(with_token()).unwrap(), first);
    assert_eq!(numbers(&mut bench, &[]), [2, 1]);
    let other = version(|asked| {
        asked.token = Some("t".to_owned());
        asked.data.user_data = Some("other".into());
    });
    assert_eq!(bench.refused(other), "IdempotentParameterMismatch");
}

#[test]
fn a_template_name_has_at_least_three_characters_and_is_taken_once() {
    let mut bench = Bench::fast();
    assert_eq!(
        bench.template("ab").unwrap_err().code,
        "InvalidLaunchTemplateName.MalformedException"
    );
    bench.template("abc").unwrap();
    assert_eq!(
        bench.template("abc").unwrap_err().code,
        "InvalidLaunchTemplateName.AlreadyExistsException"
    );
}

#[test]
fn user_data_may_have_16384_bytes_and_not_one_more() {
    let mut bench = Bench::fast();
    bench.template("etcd-a").unwrap();
    let sized = |bytes| version(|asked| asked.data.user_data = Some("x".repeat(bytes).into()));
    assert!(bench.ec2(sized(16_384)).is_ok());
    assert_eq!(bench.refused(sized(16_385)), "InvalidParameterValue");
}

/// `lt-default-when-omitted`
#[test]
fn a_launch_that_names_no_version_gets_the_default_one_and_not_the_newest() {
    let mut bench = Bench::fast();
    bench.template("etcd-a").unwrap();
    bench
        .ec2(version(|asked| asked.data.user_data = Some("newest".into())))
        .unwrap();
    let launch = |bench: &mut Bench, version: Option<&str>| {
        let id = bench
            .run(|asked| {
                asked.template = Some((named("etcd-a"), version.map(str::to_owned)));
                asked.data = crate::world::api::ec2::LaunchData::default();
            })
            .unwrap();
        bench.pass(1_000);
        bench.describe(&id).unwrap().instance
    };
    assert_eq!(&*launch(&mut bench, None).user_data, "#cloud-config\n");
    let newest = launch(&mut bench, Some("2"));
    assert_eq!(&*newest.user_data, "newest");
    assert_eq!(newest.tags["aws:ec2launchtemplate:version"], "2");
    let absent = bench.run(|asked| asked.template = Some((named("etcd-a"), Some("3".to_owned()))));
    assert_eq!(
        absent.unwrap_err().code,
        "InvalidLaunchTemplateId.VersionNotFound"
    );
}

#[test]
fn a_new_version_takes_from_its_source_what_it_does_not_say() {
    let mut bench = Bench::fast();
    bench.template("etcd-a").unwrap();
    let made = bench.ec2(version(|asked| {
        asked.source_version = Some("1".to_owned());
        asked.data = crate::world::api::ec2::LaunchData {
            instance_type: Some("m7g.large".to_owned()),
            ..crate::world::api::ec2::LaunchData::default()
        };
    }));
    let Ok(Response::TemplateVersion(_, made)) = made else {
        panic!("{made:?}")
    };
    assert_eq!(made.data.instance_type.as_deref(), Some("m7g.large"));
    assert_eq!(made.data.image.as_deref(), Some("ami-1"));
}
