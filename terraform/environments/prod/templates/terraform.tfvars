# Everything else is in rehull.auto.tfvars.json, rendered from the cluster file.
account_id = "333344445555"
