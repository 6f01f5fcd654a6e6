# An example: every id, name and range in here is made up.
account_id  = "222233334444"
region      = "ap-northeast-1"
cluster     = "stag"
bucket_name = "rehull-stag"

network = {
  cidr = "10.1.0.0/16"
  zones = {
    ap-northeast-1a = { private_cidr = "10.1.1.0/24", public_cidr = "10.1.101.0/24" }
    ap-northeast-1c = { private_cidr = "10.1.2.0/24", public_cidr = "10.1.102.0/24" }
    ap-northeast-1d = { private_cidr = "10.1.3.0/24", public_cidr = "10.1.103.0/24" }
  }
}

etcd = {
  slots = {
    etcd-a = { zone = "ap-northeast-1a", address = "10.1.1.10" }
    etcd-b = { zone = "ap-northeast-1c", address = "10.1.2.10" }
    etcd-c = { zone = "ap-northeast-1d", address = "10.1.3.10" }
  }
  volume       = { size_gib = 32 }
  client_cidrs = { pipeline = "10.1.0.0/16" }
}

github = {
  environment = "stag"
  repository  = { owner = "example", owner_id = "123456", name = "clusters", id = "456789" }
}

terraform_state = {
  bucket        = "rehull-stag-terraform"
  templates_key = "stag/templates.tfstate"
}
