//! The top-level keys of a cloud-config. cloud-init ignores a key that it does not know: a machine booted by a misspelt
//! `write_files` would come up without its files.

use crate::config::quoted;
use crate::config::suggest::did_you_mean;

/// From the schema of cloud-config that cloud-init 24.4 comes with, deprecated keys included.
const KNOWN: &str = "\
    allow_public_ssh_keys ansible apk_repos apt apt_pipelining apt_preserve_sources_list \
    apt_reboot_if_required apt_update apt_upgrade authkey_hash autoinstall bootcmd byobu_by_default \
    ca-certs ca_certs chef chpasswd cloud_config_modules cloud_final_modules cloud_init_modules \
    create_hostname_file datasource datasource_list debug def_log_file device_aliases \
    disable_ec2_metadata disable_root disable_root_opts disk_setup drivers fan final_message fqdn \
    fs_setup groups growpart grub-dpkg grub_dpkg hostname keyboard landscape launch-index locale \
    locale_configfile log_cfgs lxd manage_etc_hosts manage_resolv_conf mcollective merge_how merge_type \
    migrate mount_default_fields mounts network no_ssh_fingerprints ntp output \
    package_reboot_if_required package_update package_upgrade packages password phone_home power_state \
    prefer_fqdn_over_hostname preserve_hostname puppet random_seed reporting resize_rootfs resolv_conf \
    rh_subscription rpi rsyslog runcmd salt_minion snap spacewalk ssh ssh_authorized_keys ssh_deletekeys \
    ssh_fp_console_blacklist ssh_genkeytypes ssh_import_id ssh_key_console_blacklist ssh_keys \
    ssh_publish_hostkeys ssh_pwauth ssh_quiet_keygen swap syslog_fix_perms system_info timezone \
    ubuntu_advantage ubuntu_pro updates user users vendor_data version wireguard write_files \
    yum_repo_dir yum_repos zypper ";

/// What is wrong with this key, if anything is. `x-…` is left to the user, for anchors and notes.
pub(super) fn wrong(key: &str) -> Option<String> {
    if key.starts_with("x-") || KNOWN.split_whitespace().any(|known| known == key) {
        return None;
    }
    let shown = quoted(key);
    Some(match did_you_mean(key, KNOWN.split_whitespace()) {
        Some(near) => format!("cloud-init has no key {shown} and would ignore it: did you mean `{near}`?"),
        None => format!(
            "cloud-init has no key {shown} and would ignore it: leave it out, or begin it with `x-` if it is only a note"
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::wrong;

    #[test]
    fn a_misspelt_key_is_told_with_the_nearest_known_one() {
        for key in [
            "write_files",
            "runcmd",
            "ca-certs",
            "zypper",
            "allow_public_ssh_keys",
            "x-mine",
        ] {
            assert_eq!(wrong(key), None, "{key}");
        }
        let near = wrong("write_file").unwrap_or_default();
        assert!(near.ends_with("did you mean `write_files`?"), "{near}");
        let far = wrong("hyperdrive").unwrap_or_default();
        assert!(
            far.contains("`hyperdrive`") && far.ends_with("begin it with `x-` if it is only a note"),
            "{far}"
        );
    }
}
