//! Stand-in for the AWS provider: what the outputs of a module made of `terraform_data` say becomes launch template versions.
//!
//! Terraform, its plan, state and lock are real; only who tells EC2 is not. The state is looked at, and a version is made of
//! every launch template whose description is not among those that are there.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read as _};
use std::path::Path;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rehull_core::world::World;
use rehull_core::world::api::ec2::{
    CreateLaunchTemplate, CreateLaunchTemplateVersion, DescribeTemplateVersions, InterfaceSpec, LaunchData,
    MetadataSpec, PageRequest, Request as Ec2, Response as Ec2Answer, TemplateRef,
};
use rehull_core::world::api::s3::{Get, Operation, Request as S3, Response as S3Answer};
use rehull_core::world::api::{Call, Request, Response};
use serde::Deserialize;

use super::clock;
use super::daemon::{Mailbox, Reply};
use super::layout::{Layout, REGION};

/// The root module.
const MAIN: &str = include_str!("main.tf");
/// Where it lies, beside the cluster file.
const FOLDER: &str = "terraform";
/// Where its state is; the same name as in the example environments.
const BACKEND: &str = "state.s3.tfbackend";
/// The state in the sandbox's bucket; what Terraform locks is the object beside it.
const STATE: &str = "terraform/templates.tfstate";
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// Writes the module, unless a person has changed it already.
pub(super) fn lay(state: &Path, layout: &Layout) -> io::Result<()> {
    let folder = state.join(FOLDER);
    fs::create_dir_all(&folder)?;
    for (file, text) in [("main.tf", MAIN.to_owned()), (BACKEND, backend(layout))] {
        let path = folder.join(file);
        if !path.exists() {
            fs::write(path, text)?;
        }
    }
    Ok(())
}

/// The sandbox has no IAM, and its buckets have no name of their own in the DNS.
fn backend(layout: &Layout) -> String {
    let (bucket, endpoint) = (layout.bucket(), layout.endpoint());
    format!(
        "bucket         = \"{bucket}\"\n\
         key            = \"{STATE}\"\n\
         region         = \"{REGION}\"\n\
         endpoints      = {{ s3 = \"{endpoint}\" }}\n\
         use_path_style = true\n\n\
         skip_credentials_validation = true\n\
         skip_requesting_account_id  = true\n\
         skip_metadata_api_check     = true\n"
    )
}

#[derive(Deserialize)]
struct State {
    #[serde(default)]
    outputs: Outputs,
}

#[derive(Default, Deserialize)]
struct Outputs {
    etcd_launch_templates: Option<Output>,
}

#[derive(Deserialize)]
struct Output {
    value: BTreeMap<String, Template>,
}

#[derive(Deserialize)]
struct Template {
    name: String,
    description: String,
    image_id: String,
    instance_type: String,
    user_data: String,
    iam_instance_profile: [Profile; 1],
    network_interfaces: Vec<Interface>,
    metadata_options: [Metadata; 1],
    tags: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct Profile {
    name: String,
}

#[derive(Deserialize)]
struct Interface {
    device_index: u32,
    subnet_id: Option<String>,
    security_groups: Vec<String>,
    delete_on_termination: bool,
}

#[derive(Deserialize)]
struct Metadata {
    http_endpoint: String,
    http_tokens: String,
    http_put_response_hop_limit: u32,
    instance_metadata_tags: String,
}

/// Follows the state for as long as the sandbox lives. What cannot be read is said in the daemon's log, once.
pub(super) async fn follow(layout: &Layout, mailbox: Mailbox) -> io::Error {
    let mut known = None;
    loop {
        clock::sleep(LOOK_EVERY).await;
        let written = match written(layout, &mailbox, known.clone()).await {
            Ok(Some(written)) => written,
            Ok(None) => continue,
            Err(error) => return error,
        };
        match apply(&written.text, &mailbox).await {
            Ok(()) => {}
            Err(Failed::Refused(why)) => {
                tracing::warn!(why, "a launch template of Terraform's outputs was not made");
            }
            Err(Failed::Gone(error)) => return error,
        }
        known = Some(written.etag);
    }
}

/// A state as Terraform has written it.
struct Written {
    text: Vec<u8>,
    etag: String,
}

/// The state, if it is another one than that with this ETag.
async fn written(layout: &Layout, mailbox: &Mailbox, known: Option<String>) -> io::Result<Option<Written>> {
    let get = Get {
        key: STATE.to_owned(),
        if_none_match: known,
        ..Get::default()
    };
    let asked = Request::S3(S3 {
        bucket: layout.bucket(),
        operation: Operation::Get(get),
    });
    let reply = call(mailbox, asked).await?;
    let (Ok(Response::S3(S3Answer::Object(object))), Some(mut content)) =
        (reply.answer.result, reply.content)
    else {
        return Ok(None);
    };
    let mut text = Vec::new();
    content.read_to_end(&mut text)?;
    Ok(Some(Written {
        text,
        etag: object.etag(),
    }))
}

enum Failed {
    Refused(String),
    Gone(io::Error),
}

async fn apply(text: &[u8], mailbox: &Mailbox) -> Result<(), Failed> {
    let state: State = serde_json::from_slice(text).map_err(|error| Failed::Refused(error.to_string()))?;
    let Some(outputs) = state.outputs.etcd_launch_templates else {
        return Ok(());
    };
    for template in outputs.value.into_values() {
        let known = descriptions(mailbox, &template.name).await?;
        if known
            .as_ref()
            .is_some_and(|known| known.contains(&template.description))
        {
            continue;
        }
        let request = request(template, known.is_some())?;
        ask(mailbox, request).await?.map_err(Failed::Refused)?;
    }
    Ok(())
}

/// `None`: there is no such template.
async fn descriptions(mailbox: &Mailbox, name: &str) -> Result<Option<Vec<String>>, Failed> {
    let describe = DescribeTemplateVersions {
        template: TemplateRef::Name(name.to_owned()),
        versions: Vec::new(),
        min: None,
        max: None,
        page: PageRequest::default(),
    };
    match ask(mailbox, Ec2::DescribeLaunchTemplateVersions(describe)).await? {
        Ok(Ec2Answer::TemplateVersions(_, page)) => {
            let rows = page.rows.into_iter();
            Ok(Some(rows.filter_map(|version| version.description).collect()))
        }
        Ok(_) | Err(_) => Ok(None),
    }
}

/// As somebody with the keys of the sandbox would.
async fn call(mailbox: &Mailbox, request: Request) -> io::Result<Reply> {
    let keys = |world: &World| world.setup().keys.first().map(|key| key.id.clone());
    let call = Call {
        access_key: mailbox.look(keys).await?,
        region: Some(REGION.to_owned()),
        request,
    };
    mailbox.call(call, None).await
}

async fn ask(mailbox: &Mailbox, request: Ec2) -> Result<Result<Ec2Answer, String>, Failed> {
    let reply = call(mailbox, Request::Ec2(request)).await.map_err(Failed::Gone)?;
    Ok(match reply.answer.result {
        Ok(Response::Ec2(answer)) => Ok(answer),
        Ok(Response::S3(_) | Response::CallerIdentity(_) | Response::Query(_)) => {
            Err("the world answered something else".to_owned())
        }
        Err(error) => Err(error.message),
    })
}

fn request(template: Template, exists: bool) -> Result<Ec2, Failed> {
    let refused = |why: &str| Failed::Refused(format!("{}: {why}", template.name));
    let user_data = STANDARD
        .decode(&template.user_data)
        .map_err(|_| refused("its user data is no base64"))?;
    let user_data = String::from_utf8(user_data).map_err(|_| refused("its user data is no text"))?;
    let Template {
        name,
        description,
        image_id,
        instance_type,
        iam_instance_profile: [profile],
        network_interfaces,
        metadata_options: [metadata],
        tags,
        ..
    } = template;
    let interface = |one: Interface| InterfaceSpec {
        device_index: one.device_index,
        subnet: one.subnet_id,
        security_groups: one.security_groups,
        delete_on_termination: Some(one.delete_on_termination),
        ..InterfaceSpec::default()
    };
    let data = LaunchData {
        image: Some(image_id),
        instance_type: Some(instance_type),
        profile: Some(profile.name),
        interfaces: network_interfaces.into_iter().map(interface).collect(),
        metadata: MetadataSpec {
            http_tokens: Some(metadata.http_tokens),
            http_endpoint: Some(metadata.http_endpoint),
            hop_limit: Some(metadata.http_put_response_hop_limit),
            instance_tags: Some(metadata.instance_metadata_tags),
        },
        user_data: Some(user_data.into()),
        ..LaunchData::default()
    };
    let description = Some(description);
    Ok(if exists {
        Ec2::CreateLaunchTemplateVersion(Box::new(CreateLaunchTemplateVersion {
            template: TemplateRef::Name(name),
            source_version: None,
            description,
            data,
            token: None,
        }))
    } else {
        Ec2::CreateLaunchTemplate(Box::new(CreateLaunchTemplate {
            name,
            description,
            data,
            tags,
            token: None,
        }))
    })
}
