# Everything else is in rehull.auto.tfvars.json, rendered from the cluster file.
account_id = "222233334444"
