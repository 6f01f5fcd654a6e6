terraform {
  # 1.11 made S3 state locking without DynamoDB stable; the next major may mean other things by the same words.
  required_version = ">= 1.11, < 2.0"

  required_providers {
    aws = {
      source = "hashicorp/aws"
      # A major of this provider changes defaults and removes arguments, and what it normalises differently it replaces:
      # etcd machines were lost to a changed default once (coreos/tectonic-installer#1035). So the next one is not taken
      # unseen; everything used here is in both of these. Each environment's lock file pins the release.
      version = ">= 5.100, < 7.0"
    }
  }
}
