# Where the state lies is data: `terraform init -backend-config=state.s3.tfbackend`. Locking is S3's own, by conditional
# writes; nothing else keeps two applies apart.
terraform {
  backend "s3" {
    encrypt      = true
    use_lockfile = true
  }
}
