//! OpenID Connect providers.

use super::{Provider, no_pages, whole};
use crate::world::World;
use crate::world::error::AwsError;
use crate::world::query::{Document, Operation, Scope, tag_list, tags};

pub(in crate::world) const OPERATIONS: &[Operation] = &[
    Operation::of("CreateOpenIDConnectProvider", create),
    Operation::of("GetOpenIDConnectProvider", get),
    Operation::of("ListOpenIDConnectProviders", |world, _| {
        let arns = world.iam.providers.keys();
        Ok(Document::new().list(
            "OpenIDConnectProviderList",
            arns.map(|arn| Document::new().text("Arn", arn)),
        ))
    }),
    Operation::of("UpdateOpenIDConnectProviderThumbprint", |world, at| {
        let thumbprints = at.list("ThumbprintList");
        world.provider(at)?.thumbprints = thumbprints;
        Ok(Document::new())
    }),
    Operation::of("AddClientIDToOpenIDConnectProvider", |world, at| {
        let client = at.need("ClientID")?;
        world.provider(at)?.clients.push(client);
        Ok(Document::new())
    }),
    Operation::of("RemoveClientIDFromOpenIDConnectProvider", |world, at| {
        let client = at.need("ClientID")?;
        world.provider(at)?.clients.retain(|known| *known != client);
        Ok(Document::new())
    }),
    Operation::of("DeleteOpenIDConnectProvider", |world, at| {
        world.provider(at)?;
        world.iam.providers.remove(&at.need("OpenIDConnectProviderArn")?);
        Ok(Document::new())
    }),
    Operation::of("TagOpenIDConnectProvider", |world, at| {
        let tags = tags(at);
        world.provider(at)?.tags.extend(tags);
        Ok(Document::new())
    }),
    Operation::of("UntagOpenIDConnectProvider", |world, at| {
        let keys = at.list("TagKeys");
        world.provider(at)?.tags.retain(|key, _| !keys.contains(key));
        Ok(Document::new())
    }),
    Operation::of("ListOpenIDConnectProviderTags", |world, at| {
        no_pages(at);
        Ok(whole("Tags", tag_list(&world.provider(at)?.tags)))
    }),
];

impl World {
    fn provider(&mut self, at: &Scope<'_>) -> Result<&mut Provider, AwsError> {
        let arn = at.need("OpenIDConnectProviderArn")?;
        let provider = self.iam.providers.get_mut(&arn);
        provider.ok_or_else(|| {
            AwsError::with(
                404,
                "NoSuchEntity",
                format!("OpenIDConnect Provider not found for arn {arn}"),
            )
        })
    }
}

/// Without a thumbprint IAM reads the provider's own certificate; here there is nobody to ask, so it stays empty.
fn create(world: &mut World, at: &Scope<'_>) -> Result<Document, AwsError> {
    let url = at.need("Url")?;
    let host = url
        .strip_prefix("https://")
        .ok_or_else(|| AwsError::bad("ValidationError", "Invalid Open ID Connect Provider URL"))?;
    let arn = world.iam_arn("oidc-provider", "/", host);
    if world.iam.providers.contains_key(&arn) {
        return Err(AwsError::with(
            409,
            "EntityAlreadyExists",
            format!("Provider with url {url} already exists."),
        ));
    }
    let provider = Provider {
        url: host.to_owned(),
        clients: at.list("ClientIDList"),
        thumbprints: at.list("ThumbprintList"),
        created: world.now,
        tags: tags(at),
    };
    let answer = Document::new()
        .text("OpenIDConnectProviderArn", &arn)
        .list("Tags", tag_list(&provider.tags));
    world.iam.providers.insert(arn, provider);
    Ok(answer)
}

fn get(world: &mut World, at: &Scope<'_>) -> Result<Document, AwsError> {
    let provider = world.provider(at)?;
    Ok(Document::new()
        .text("Url", &provider.url)
        .list("ClientIDList", provider.clients.iter().cloned())
        .list("ThumbprintList", provider.thumbprints.iter().cloned())
        .text(
            "CreateDate",
            provider.created.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        )
        .list("Tags", tag_list(&provider.tags)))
}
