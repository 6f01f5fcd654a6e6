//! Which variables of the environment reach Terraform. Some of its own change what a command means: with
//! `TF_CLI_ARGS_plan=-destroy` a plain plan is one that destroys (seen with 1.11.4). So nothing that begins with `TF_` is
//! passed on but tokens of registries to `init`, and what is wanted is set.

/// Set for every run: nobody is there to answer, and nothing is asked of the vendor. Whoever has chosen a workspace in this
/// folder has chosen another state by it, in which nothing exists: environments are folders. A module that is fetched may name
/// others, which nobody has looked at before `init` fetches them: of those no repository of this computer is asked (git), nor
/// its hooks run (Mercurial). And git takes a folder that looks like a repository (`HEAD`, `objects`, `refs`) for one, when it runs in
/// it, and its `core.sshCommand` for a program, unless it is told not to (git 2.38 and later; 2.39 was seen to do both).
pub const ALWAYS: [(&str, &str); 9] = [
    ("TF_IN_AUTOMATION", "1"),
    ("TF_INPUT", "0"),
    ("CHECKPOINT_DISABLE", "1"),
    ("TF_WORKSPACE", "default"),
    ("GIT_ALLOW_PROTOCOL", "https:ssh"),
    ("GIT_CONFIG_COUNT", "1"),
    ("GIT_CONFIG_KEY_0", "safe.bareRepository"),
    ("GIT_CONFIG_VALUE_0", "explicit"),
    ("HGRCSKIPREPO", "1"),
];

/// What a process needs to run, and to reach AWS through the proxy and with the identity that it was given.
const NAMES: [&str; 14] = [
    "PATH",
    "HOME",
    "USER",
    "TMPDIR",
    "LANG",
    "LC_ALL",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "http_proxy",
    "https_proxy",
    "no_proxy",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
];

/// Credentials, region, endpoints, and what OpenID Connect of GitHub Actions needs of them.
const PREFIXES: [&str; 1] = ["AWS_"];

/// What fetches modules besides: the keys of whoever has them in an agent, and tokens of registries. `init` starts no provider,
/// and nothing else of these runs fetches, so nothing else gets them.
const AGENT: &str = "SSH_AUTH_SOCK";
/// So they begin; a host follows.
const TOKENS: &str = "TF_TOKEN_";

/// What reaches `init`.
#[must_use]
pub fn is_passed_on_to_init(name: &str) -> bool {
    name == AGENT || name.starts_with(TOKENS) || is_passed_on(name)
}

/// Everything else stays behind: providers, modules and provisioners are foreign code, and CI has tokens in its environment.
#[must_use]
pub fn is_passed_on(name: &str) -> bool {
    NAMES.contains(&name) || PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}
